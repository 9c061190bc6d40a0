import t from 'tap'
import { agentFeatures } from '../../../src/control-plane/heard.ts'
import type { HostFacts } from '../../../src/control-plane/host-facts.ts'
import { type ControlPlane, openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { limits } from '../../../src/limit/limits.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { json, startHttpsServer } from '../../support/https-server.ts'

const credential = 'wax-credential-5f1d'
const authority = await makeAuthority()
const pair = await authority.issue({ names: [], ips: ['127.0.0.1'] })
const server = await startHttpsServer(pair)
const endpoint = { url: server.url, ca: authority.certificatePem, credential }
const controlPlane = openControlPlane({ ...endpoint, agentId: 'agent/1' })
const agent = '/api/v1/agents/agent%2F1'
const facts: HostFacts = {
  version: '0.1.0',
  hostname: 'mail',
  os: 'linux',
  architecture: 'x64',
  ipAddress: '192.0.2.1',
}
const wireFacts = { version: '0.1.0', hostname: 'mail', os: 'linux', architecture: 'x64', ip_address: '192.0.2.1' }
const verification = { targetId: 't-1', expected: 'a'.repeat(64), actual: '0'.repeat(64), verified: false }
const deployment = { id: 'job-1', type: 'Deployment', certificate_id: 'mc-1', target_type: 'Postfix' }

t.teardown(async () => {
  await controlPlane.close()
  await server.close()
})

async function failureOf(call: Promise<unknown>): Promise<WaxsealError> {
  const error = await call.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof WaxsealError)) throw error
  return error
}

t.test('a heartbeat says what the host is', async (t) => {
  server.answer(json(200, { status: 'heartbeat_recorded' }))

  await controlPlane.heartbeat(facts)

  t.match(server.requests.at(-1), { method: 'POST', path: `${agent}/heartbeat` })
  t.strictSame(server.requests.at(-1)?.body, { ...wireFacts, features: [...agentFeatures] })
  t.equal(server.requests.at(-1)?.headers['content-type'], 'application/json')
})

t.test('a server that has a 500 for each call of this agent may not know it: said from the third on', async (t) => {
  const hints: unknown[] = []
  const fail = async (call: Promise<unknown>): Promise<unknown> => hints.push((await failureOf(call)).details['hint'])
  server.answer(json(500, { error: 'Internal Server Error', message: 'Failed to get pending work', request_id: '1' }))

  await fail(controlPlane.work())
  await fail(controlPlane.heartbeat(facts))
  await fail(controlPlane.work())
  server.answer(json(200, { jobs: [] }))
  await controlPlane.work()
  server.answer(json(500, {}))
  await fail(controlPlane.work())

  t.match(hints, [undefined, undefined, /is control_plane\.agent_id .*right\?/, undefined])
})

const nothing = { malformed: [], cancel: null, pollIntervalMs: null, splayMs: null, retryAfterMs: null }

t.test('a call that waits says for how long, hears more than jobs, and ends when it is told to', async (t) => {
  const stop = new AbortController()
  const wait = { seconds: 30, signal: stop.signal }
  server.answer(json(200, { jobs: [], cancel: ['job-7'], splay: 5, poll_interval: 30 }, { 'retry-after': '31' }))
  t.strictSame(await controlPlane.work(wait), {
    jobs: [],
    malformed: [],
    cancel: ['job-7'],
    pollIntervalMs: 30_000,
    splayMs: 5000,
    retryAfterMs: 31_000,
  })
  t.match(server.requests.at(-1), { method: 'GET', path: `${agent}/work?wait=30`, body: null })

  server.answer(json(200, { jobs: [], cancel: 'all', splay: 'long' }))
  t.strictSame(await controlPlane.work(wait), { jobs: [], ...nothing })

  const asked = new Promise<void>((resolve) => server.answer(() => resolve()))
  const waiting = t.rejects(controlPlane.work(wait), { code: 'CONTROL_PLANE_UNREACHABLE' })
  await asked
  stop.abort()
  await waiting
})

t.test('the work is parsed into jobs', async (t) => {
  server.answer(json(200, { jobs: [deployment], count: 1 }))

  const work = await controlPlane.work()

  t.match(server.requests.at(-1), { method: 'GET', path: `${agent}/work`, body: null })
  t.strictSame(work, {
    jobs: [
      {
        kind: 'deployment',
        id: 'job-1',
        certificateId: 'mc-1',
        targetId: 'job-1',
        targetType: 'Postfix',
        targetConfig: {},
      },
    ],
    ...nothing,
  })
})

t.test('no jobs are as good as an empty list of them', async (t) => {
  server.answer(json(200, { jobs: null, count: 0 }))
  const ofNull = await controlPlane.work()
  server.answer(json(200, { jobs: [] }))
  const ofNone = await controlPlane.work()

  t.strictSame(ofNull, { jobs: [], ...nothing })
  t.strictSame(ofNone, { jobs: [], ...nothing })
})

t.test('one malformed item does not cost the others, nor does what this agent does not know', async (t) => {
  const redacted = { ...deployment, id: 'job-2', target_config: { key_path: '********' }, invented: true }
  const unknown = { ...deployment, id: 'job-3', type: 'Teleport', status: 'Beamed' }
  server.answer(json(200, { jobs: [7, { id: 'job-0' }, deployment, redacted, unknown], features: ['wait'] }))

  const { jobs, malformed } = await controlPlane.work()

  t.match(jobs, [
    { kind: 'deployment', id: 'job-1' },
    { kind: 'deployment', id: 'job-2', targetConfig: { key_path: '********' } },
    { kind: 'unsupported', id: 'job-3', type: 'Teleport' },
  ])
  t.same(
    malformed.map(({ id }) => id),
    [null, 'job-0'],
  )
})

t.test('of more jobs than one answer may have the first are taken, and each other one is answered', async (t) => {
  const flood = Array.from({ length: limits.jobsPerPoll.most + 3 }, (_, index) => ({
    ...deployment,
    id: `job-${index}`,
  }))
  server.answer(json(200, { jobs: flood }))

  const { jobs, malformed } = await controlPlane.work()

  t.equal(jobs.length, limits.jobsPerPoll.most)
  t.match(malformed, [{ id: 'job-1000', reason: /limit: jobsPerPoll/ }, { id: 'job-1001' }, { id: 'job-1002' }])
})

t.test('the certificate comes as PEM', async (t) => {
  server.answer(json(200, { certificate_pem: pair.certificatePem, invented: 1 }))

  const pem = await controlPlane.certificate('../mc 1')

  t.equal(pem, pair.certificatePem)
  t.match(server.requests.at(-1), { method: 'GET', path: `${agent}/certificates/..%2Fmc%201`, body: null })
})

t.test('a request for a certificate is sent with the id that it is for', async (t) => {
  server.answer(json(202, { status: 'csr_signed' }))

  t.equal(await controlPlane.submitCsr('mc-1', 'a request'), 'signed')

  t.match(server.requests.at(-1), { method: 'POST', path: `${agent}/csr` })
  t.strictSame(server.requests.at(-1)?.body, { csr_pem: 'a request', certificate_id: 'mc-1' })

  await controlPlane.submitCsr('mc-1', 'a request', { jobId: 'job-1', nextSpki: 'ab' })

  t.match(server.requests.at(-1)?.body, { job_id: 'job-1', next_spki_sha256: 'ab' })
})

t.test('a server that signs in the background is told from one that signs within the call', async (t) => {
  server.answer(json(202, { status: 'csr_accepted' }))

  t.equal(await controlPlane.submitCsr('mc-1', 'a request'), 'accepted')
})

t.test('a status report is marked so that the server can tell a repetition', async (t) => {
  server.answer(json(200, { status: 'updated' }))

  await controlPlane.reportStatus('job/1', { status: 'Failed', error: 'CHECK_FAILED' })

  t.match(server.requests.at(-1), {
    method: 'POST',
    path: `${agent}/jobs/job%2F1/status`,
    headers: { 'idempotency-key': 'job%2F1/Failed' },
  })
  t.strictSame(server.requests.at(-1)?.body, { status: 'Failed', error: 'CHECK_FAILED' })
})

t.test('a report that an older Waxseal left is sent without what commands printed', async (t) => {
  const command = { command: ['nginx', '-t'], exitCode: 1, signal: null, timedOut: false, ms: 1, output: 'a token' }
  const steps = [{ name: 'check', start: '', ms: 1, commands: [command] }]
  server.answer(json(200, { status: 'updated' }))

  await controlPlane.reportStatus('job-1', { status: 'Failed', outcome: { message: 'x', steps } as never })

  t.notMatch(JSON.stringify(server.requests.at(-1)?.body), 'a token')
  t.match(server.requests.at(-1)?.body, { outcome: { message: 'x', steps: [{ commands: [{ exitCode: 1 }] }] } })
})

t.test(
  'drift goes out as the errors of a discovery, and one that is in order only to a server that takes it',
  async (t) => {
    const at = '2026-05-01T10:00:00.000Z'
    const drifting = { target: 't-1', at, reasons: ['/a is gone.', '/b is gone.'] }
    const inOrder = { target: 't-2', at, reasons: [] }
    const sent = async (features: unknown, drift: readonly (typeof drifting)[]): Promise<unknown> => {
      server.answer(json(200, { status: 'heartbeat_recorded', features }))
      await controlPlane.heartbeat(facts)
      server.answer(json(202, { status: 'accepted' }))
      return (await controlPlane.reportDrift(drift)) ? server.requests.at(-1)?.body : null
    }

    t.match(await sent(undefined, [drifting, inOrder]), {
      agent_id: 'agent/1',
      certificates: [],
      errors: ['t-1: /a is gone.', 't-1: /b is gone.'],
    })
    t.equal(await sent(['wait'], [inOrder]), null)
    t.match(await sent(['wait', 'drift'], [inOrder]), {
      errors: [],
      drift: [{ target_id: 't-2', looked_at: at, reasons: [] }],
    })
    t.equal(await sent(['drift'], []), null)
  },
)

t.test('a verification report carries both fingerprints, and an error only where there is one', async (t) => {
  const fields = { target_id: 't-1', expected_fingerprint: 'a'.repeat(64), actual_fingerprint: '0'.repeat(64) }
  server.answer(json(200, {}))

  await controlPlane.reportVerification('job-1', verification)
  await controlPlane.reportVerification('job-1', { ...verification, error: 'refused' })

  t.match(server.requests.at(-1), { method: 'POST', path: '/api/v1/jobs/job-1/verify' })
  t.strictSame(server.requests.at(-2)?.body, { ...fields, verified: false })
  t.strictSame(server.requests.at(-1)?.body, { ...fields, verified: false, error: 'refused' })
})

t.test('a registration sends name and facts, and gets an id with the credential', async (t) => {
  server.answer(json(201, { id: 'a-1', name: 'mx1', status: 'Online', api_key: 'once' }))

  const registered = await register({ ...endpoint, credential: 'one-time' }, 'mx1', facts)

  t.strictSame(registered, { agentId: 'a-1', credential: 'once', clientCertificate: null })
  t.match(server.requests.at(-1), { method: 'POST', path: '/api/v1/agents' })
  t.equal(server.requests.at(-1)?.headers.authorization, 'Bearer one-time')
  t.strictSame(server.requests.at(-1)?.body, { name: 'mx1', ...wireFacts, features: [...agentFeatures] })
})

t.test('which host this is goes to a server that has said that it takes it', async (t) => {
  const plane = openControlPlane({ ...endpoint, agentId: 'a' })
  t.teardown(() => plane.close())
  const host = { machine: 'a'.repeat(64), starts: 3, run: 'b'.repeat(32) }
  server.answer(json(200, { features: ['host'] }))
  const said = async (): Promise<unknown> => {
    await plane.heartbeat(facts, host)
    return (server.requests.at(-1)?.body as { readonly host?: unknown } | undefined)?.host
  }

  t.equal(await said(), undefined)
  t.same(await said(), host)
  server.answer(json(200, {}))
  await said()
  t.equal(await said(), undefined, 'a server may be another one by now')
})

t.test('CAs are trusted where they come with one that is trusted, and where they are followed', async (t) => {
  const other = (await makeAuthority('other')).certificatePem
  const [own] = [authority.certificatePem]
  const following = openControlPlane({ ...endpoint, agentId: 'a', followsCa: true })
  t.teardown(() => following.close())
  const { trust: basis } = following.basis

  t.equal(controlPlane.basis.trust, null)
  t.equal(following.judge(other, Date.now()), null, 'a proxy ends the connection')
  t.match(following.judge(own, Date.now()), { isBeyond: false })
  t.match(following.judge(own + other, Date.now()), { isBeyond: true })
  following.adopt({ trust: { basis: basis ?? '', ca: other }, credential: null })
  t.match(following.judge(other, Date.now()), { isBeyond: true }, 'one that was handed out is as good')
  const elsewhere = openControlPlane({ ...endpoint, url: `${endpoint.url}/x`, agentId: 'a', followsCa: true })
  t.teardown(() => elsewhere.close())
  t.not(elsewhere.basis.trust, basis)
})

t.test('a server that hands out no credential is told from one that does', async (t) => {
  server.answer(json(201, { id: 'a-1' }))

  t.strictSame(await register(endpoint, 'mx1', facts), { agentId: 'a-1', credential: null, clientCertificate: null })
})

const calls = {
  heartbeat: (plane) => plane.heartbeat(facts),
  work: (plane) => plane.work(),
  certificate: (plane) => plane.certificate('mc-1'),
  submitCsr: (plane) => plane.submitCsr('mc-1', 'a request'),
  reportStatus: (plane) => plane.reportStatus('job-1', { status: 'Running' }),
  renewLease: (plane) => plane.renewLease('job-1'),
  exchangeCredential: (plane) => plane.exchangeCredential(),
  reportVerification: (plane) => plane.reportVerification('job-1', verification),
  register: () => register(endpoint, 'mx1', facts),
} satisfies Record<string, (plane: ControlPlane) => Promise<unknown>>

for (const [name, call] of Object.entries(calls)) {
  t.test(`${name} presents the credential, and is sent once though it fails`, async (t) => {
    const before = server.requests.length
    server.answer(json(500, { error: 'no database' }))

    const error = await failureOf(call(controlPlane))

    t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
    t.equal(server.requests.length, before + 1)
    t.equal(server.requests.at(-1)?.headers.authorization, `Bearer ${credential}`)
  })

  t.test(`${name} tells a retired agent so`, async (t) => {
    server.answer(json(410, { error: 'retired' }))

    t.equal((await failureOf(call(controlPlane))).code, 'AGENT_RETIRED')
  })
}

t.test('an answer without the field that it is asked for is no usable answer', async (t) => {
  for (const answer of [null, 7, [], {}, { jobs: 7 }, { certificate_pem: '' }, { certificate_pem: null }, { id: '' }]) {
    server.answer(json(200, answer))

    const errors = await Promise.all(
      [calls.work(controlPlane), calls.certificate(controlPlane), calls.register()].map(failureOf),
    )

    t.same(new Set(errors.map(({ code }) => code)), new Set(['CONTROL_PLANE_UNREACHABLE']))
  }
})

t.test('a signing that takes longer than any other call is waited for', async (t) => {
  const patient = openControlPlane({ ...endpoint, agentId: 'a', timeoutMs: 50 })
  t.teardown(() => patient.close())
  const arrived = Promise.withResolvers<() => void>()
  server.answer((request, response) => {
    if (request.url?.endsWith('/csr') === true) arrived.resolve(() => json(202, {})(request, response))
  })
  const signing = patient.submitCsr('mc-1', 'a request')
  const sign = await arrived.promise

  const unanswered = await failureOf(patient.heartbeat(facts))
  sign()

  t.equal(unanswered.code, 'CONTROL_PLANE_UNREACHABLE')
  await t.resolves(signing)
})

t.test('whether there is a connection is known as soon as the other side has ended it', async (t) => {
  const other = await startHttpsServer(pair)
  const plane = openControlPlane({ ...endpoint, url: other.url, agentId: 'agent-1' })
  t.teardown(() => plane.close())
  t.equal(plane.isConnected, false, 'there was no call')
  other.answer(json(200, { jobs: [] }))
  await plane.work()
  t.equal(plane.isConnected, true)

  await other.close()
  while (plane.isConnected) await new Promise((resolve) => setImmediate(resolve))
  await failureOf(plane.work())
  t.equal(plane.isConnected, false)
})
