import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import t from 'tap'
import { deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

const host = { name: 'mail-1', hostname: 'mail-1.example.net' }

t.test('a one-time token registers one agent and is refused the second time', async (t) => {
  const { ask, operator } = await openTestControlPlane(t)
  const token = await operator.createToken()

  const first = await ask('POST', '/api/v1/agents', token, host)
  const second = await ask('POST', '/api/v1/agents', token, { ...host, name: 'mail-2' })

  t.equal(first.status, 201)
  t.match(first.body, { ...host, id: /^agent-/, status: 'active', registered_at: '2026-11-01T00:00:00.000Z' })
  t.match(first.body, { api_key: /^wxa_[\w-]{43}$/ })
  t.equal(second.status, 401)
  t.equal((await operator.agents()).length, 1)
})

t.test('a wrong token, an agent credential and no token at all register nobody', async (t) => {
  const plane = await openTestControlPlane(t)
  const { credential } = await plane.enroll()

  for (const bearer of ['wxt_guess', credential, ''])
    t.equal((await plane.ask('POST', '/api/v1/agents', bearer, { ...host, name: 'other' })).status, 401)

  t.equal((await plane.operator.agents()).length, 1)
})

t.test('a name that is taken is refused, and the token is still good for another', async (t) => {
  const plane = await openTestControlPlane(t)
  await plane.enroll(host.name)
  const token = await plane.operator.createToken()

  const taken = await plane.ask('POST', '/api/v1/agents', token, host)
  const free = await plane.ask('POST', '/api/v1/agents', token, { ...host, name: 'mail-2' })

  t.equal(taken.status, 409)
  t.equal(free.status, 201)
})

t.test('a registration that names no host is refused, and the token is still good', async (t) => {
  const { ask, operator } = await openTestControlPlane(t)
  const token = await operator.createToken()

  for (const body of [{}, { name: 'mail-1' }, { ...host, name: '' }, { ...host, name: 7 }, [], '{"name":'])
    t.equal((await ask('POST', '/api/v1/agents', token, body)).status, 400)

  t.equal((await ask('POST', '/api/v1/agents', token, host)).status, 201)
})

t.test('a name that cannot be seen as it is, on a terminal or in a log, registers nobody', async (t) => {
  const { ask, operator } = await openTestControlPlane(t)
  const token = await operator.createToken()

  for (const name of ['mail\u0000', '\u001b[31mmail', 'mail\n1', ' mail', 'ma\u200bil', 'ma\u202eil', 'mail\ud800', ''])
    for (const body of [
      { ...host, name },
      { ...host, hostname: name },
    ])
      t.equal((await ask('POST', '/api/v1/agents', token, body)).status, 400, JSON.stringify(body))

  t.match(await ask('POST', '/api/v1/agents', token, { ...host, name: 'Mühle 1' }), { status: 201 })
})

t.test('a heartbeat is recorded, and its answer says which additions there are', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  plane.advance(60_000)

  const answer = await agent.post('/heartbeat', { version: '1.0.0', hostname: 'mail-1', unknown_field: true })

  t.equal(answer.status, 200)
  t.same(answer.body, {
    status: 'heartbeat_recorded',
    features: [
      'drift',
      'lease',
      'cancel',
      'csr_accepted',
      'ca_pem',
      'credential',
      'host',
      'wait',
      'client_certificate',
      'order',
      'discovery',
      'keys',
      'renewed',
      'look',
      'rollback',
    ],
  })
  t.equal((await plane.operator.agents())[0]?.['last_heartbeat_at'], '2026-11-01T00:01:00.000Z')
})

t.test('every call of an agent needs its own credential', async (t) => {
  const plane = await openTestControlPlane(t)
  const [own, foreign] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]
  const { jobId, certificateId } = await deploymentFor(plane, own)
  const path = `/api/v1/agents/${own.id}`
  const verification = { target_id: 't', expected_fingerprint: 'a', actual_fingerprint: 'a', verified: true }
  const calls = [
    ['POST', `${path}/heartbeat`, {}, 403],
    ['GET', `${path}/work`, undefined, 403],
    ['GET', `${path}/certificates/${certificateId}`, undefined, 403],
    ['POST', `${path}/csr`, { csr_pem: 'x', certificate_id: certificateId }, 403],
    ['POST', `${path}/jobs/${jobId}/status`, { status: 'Completed' }, 403],
    ['POST', `${path}/discoveries`, { certificates: [{}], errors: [] }, 403],
    ['POST', `/api/v1/jobs/${jobId}/verify`, verification, 404],
  ] as const

  for (const [method, at, body, refusal] of calls) {
    for (const bearer of ['', 'wxa_guess', plane.operatorToken])
      t.equal((await plane.ask(method, at, bearer, body)).status, 401, `${at} with "${bearer.slice(0, 4)}"`)
    t.equal((await plane.ask(method, at, foreign.credential, body)).status, refusal, `${at} of another`)
  }

  t.equal((await own.work()).length, 1)
})

t.test('a retired agent is told so when it would begin something, and may still finish and report', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId, certificateId } = await deploymentFor(plane, agent)
  await agent.work()

  await plane.operator.retire(agent.id)

  t.equal((await agent.post('/heartbeat', {})).status, 410)
  t.equal((await agent.get('/work')).status, 410)
  t.equal((await agent.sendCsr(certificateId)).status, 410)
  t.equal((await agent.post('/discoveries', { certificates: [{}], errors: null })).status, 410)
  t.equal((await agent.get(`/certificates/${certificateId}`)).status, 200)
  t.equal((await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })).status, 200)
  t.equal((await plane.operator.job(jobId)).status, 'Completed')
})

t.test('asking for work claims it: a deployment is offered once, whole', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId, certificateId, targetId } = await deploymentFor(plane, agent)

  const first = await agent.get('/work')
  const second = await agent.get('/work')

  t.match(first, { status: 200, body: { count: 1 } })
  t.same(first.body['jobs'], [
    {
      id: jobId,
      type: 'Deployment',
      status: 'Running',
      certificate_id: certificateId,
      common_name: 'mail.example.net',
      sans: [],
      target_id: targetId,
      target_name: 'postfix',
      target_type: 'Postfix',
      target_config: { mode: 'postfix' },
    },
  ])
  t.same(second.body, { jobs: [], count: 0 })
  t.equal((await plane.operator.job(jobId)).status, 'Running')
})

t.test('a request for a key is offered at every call until it is signed', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', sans: ['imap.example.net'] }
  const { certificate_id: certificateId, job_id: jobId } = await plane.operator.requestCertificate(wanted)

  const offers = [await agent.work(), await agent.work()]
  await agent.sendCsr(certificateId, ['mail.example.net', 'imap.example.net'])

  const item = { id: jobId, type: 'Issuance', status: 'AwaitingCSR', certificate_id: certificateId }
  const names = { common_name: 'mail.example.net', sans: ['imap.example.net'] }
  t.same(offers, [[{ ...item, ...names }], [{ ...item, ...names }]])
  t.same(await agent.work(), [])
  t.equal((await plane.operator.job(jobId)).status, 'Completed')
})

t.test('one call claims at most a hundred jobs, so that its answer is never too large to read', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { certificateId, targetId } = await deploymentFor(plane, agent)
  for (let more = 0; more < 100; more += 1) {
    await plane.operator.deploy(certificateId, targetId)
    plane.advance(1000)
  }

  const counts = [(await agent.work()).length, (await agent.work()).length]

  t.same(counts, [100, 1])
})

t.test('a CSR for the names that were asked for is signed, whatever their order and spelling', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const sans = ['imap.example.net', '2001:DB8:0::25', '192.0.2.25', 'post@example.net', 'mail.example.net']
  const { certificate_id: id } = await plane.operator.requestCertificate({
    agent_id: agent.id,
    common_name: 'mail.example.net',
    sans,
    validity_days: 10,
  })

  const answer = await agent.sendCsr(id, sans)

  t.match(answer, { status: 202, body: { status: 'csr_signed' } })
  const leaf = new X509Certificate(String((await agent.get(`/certificates/${id}`)).body['certificate_pem']))
  t.ok(leaf.verify(new X509Certificate(plane.caPem).publicKey))
  t.equal(leaf.checkHost('imap.example.net'), 'imap.example.net')
  t.equal(leaf.checkIP('2001:db8::25'), '2001:db8::25')
  t.equal(leaf.checkEmail('post@example.net'), 'post@example.net')
})

t.test('the names of a CSR are its common name and its SANs together, as the Go agent writes them', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const common = { agent_id: agent.id, common_name: 'Mail.example.net' }
  const alone = await plane.operator.requestCertificate(common)
  const several = await plane.operator.requestCertificate({ ...common, sans: ['imap.example.net', '192.0.2.25'] })
  const csrFor = async (id: string, name: string, sans: readonly string[]): Promise<number> =>
    (await agent.post('/csr', { csr_pem: await namesApart(name, sans), certificate_id: id })).status

  t.equal(await csrFor(alone.certificate_id, 'evil.example.org', ['mail.example.net']), 400)
  t.equal(await csrFor(several.certificate_id, 'mail.example.net', ['imap.example.net']), 400)
  t.equal(await csrFor(alone.certificate_id, 'mail.example.net', []), 202)
  t.equal(await csrFor(several.certificate_id, 'mail.example.net', ['imap.example.net', '192.0.2.25']), 202)

  const { body } = await agent.get(`/certificates/${several.certificate_id}`)
  const leaf = new X509Certificate(String(body['certificate_pem']))
  t.ok(leaf.checkHost('mail.example.net'))
  t.equal(leaf.checkIP('192.0.2.25'), '192.0.2.25')
})

t.test('a CSR that is garbage or for other names is refused, and the job still waits', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', sans: ['imap.example.net'] }
  const { certificate_id: id } = await plane.operator.requestCertificate(wanted)

  for (const csr_pem of ['', 'garbage', plane.caPem])
    t.equal((await agent.post('/csr', { csr_pem, certificate_id: id })).status, 400)
  for (const names of [
    ['mail.example.net'],
    ['mail.example.net', 'evil.example.org'],
    ['mail.example.net', 'imap.example.net', 'evil.example.org'],
  ])
    t.equal((await agent.sendCsr(id, names)).status, 400)

  t.equal((await agent.get(`/certificates/${id}`)).status, 404)
  t.equal((await agent.work()).length, 1)
})

t.test('a certificate is the newest version, and of no use to anyone else', async (t) => {
  const plane = await openTestControlPlane(t)
  const [agent, foreign] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net' }
  const { certificate_id: id } = await plane.operator.requestCertificate(wanted)

  const unsigned = await agent.get(`/certificates/${id}`)
  await agent.sendCsr(id)
  const first = await agent.get(`/certificates/${id}`)
  await plane.operator.renew(id)
  await agent.sendCsr(id)
  const second = await agent.get(`/certificates/${id}`)

  t.equal(unsigned.status, 404)
  t.same([first.status, second.status], [200, 200])
  t.not(first.body['certificate_pem'], second.body['certificate_pem'])
  t.equal((await agent.get('/certificates/unknown')).status, 404)
  t.equal((await foreign.get(`/certificates/${id}`)).status, 404)
  t.equal((await foreign.sendCsr(id)).status, 404)
})

t.test('an agent that sends one CSR after another gets one certificate for each that was asked for', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { certificateId } = await deploymentFor(plane, agent)

  const more = await Promise.all(Array.from({ length: 5 }, () => agent.sendCsr(certificateId)))

  t.same(new Set(more.map(({ status }) => status)), new Set([400]))
  t.equal((await plane.operator.jobs()).filter(({ type }) => type === 'Deployment').length, 1)
  await plane.operator.renew(certificateId)
  const renewals = await Promise.all(Array.from({ length: 5 }, () => agent.sendCsr(certificateId)))
  t.equal(renewals.filter(({ status }) => status === 202).length, 1)
})

/** A CSR (PEM) whose SANs do not repeat its common name, and have an address as a DNS name. */
async function namesApart(commonName: string, sans: readonly string[]): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const names = sans.map((value) => ({ type: 'dns' as const, value }))
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  })
  return csr.toString('pem')
}
