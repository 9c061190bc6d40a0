import { once } from 'node:events'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import {
  breakDatabase,
  claimedDeployment,
  openTestControlPlane,
  type TestControlPlane,
} from '../../support/control-plane.ts'

t.test('a hundred requests at once are answered, and the next is told when to come again', async (t) => {
  const plane = await openTestControlPlane(t)
  const [agent, other] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]

  const burst = await Promise.all(Array.from({ length: 100 }, () => agent.get('/work')))
  const next = await agent.get('/work')

  t.ok(burst.every(({ status }) => status === 200))
  t.match(next, { status: 429, headers: { 'retry-after': /^[1-5]$/ } })
  t.equal((await other.get('/work')).status, 200)
})

t.test('fifty requests more are answered a second later', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await Promise.all(Array.from({ length: 101 }, () => agent.get('/work')))

  plane.advance(1000)
  const statuses = (await Promise.all(Array.from({ length: 51 }, () => agent.get('/work')))).map(({ status }) => status)

  t.equal(statuses.filter((status) => status === 200).length, 50)
  t.equal(statuses.filter((status) => status === 429).length, 1)
})

t.test('a clock that is set back locks nobody out', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.get('/work')

  plane.advance(-3_600_000)

  t.equal((await agent.get('/work')).status, 200)
  t.equal((await agent.get('/work')).status, 200)
})

t.test('a body above 1 MiB is refused, one just below is read', async (t) => {
  const { agent, jobId } = await claimedDeployment(t)
  const outcomeOf = (size: number): object => ({ status: 'Completed', outcome: { message: 'x'.repeat(size) } })

  const above = await agent.post(`/jobs/${jobId}/status`, outcomeOf(1024 * 1024))
  const below = await agent.post(`/jobs/${jobId}/status`, outcomeOf(1024 * 1024 - 100))

  t.equal(above.status, 413)
  t.equal(below.status, 200)
})

t.test('TLS 1.2 is refused', async (t) => {
  const { url, caPem, operatorToken } = await openTestControlPlane(t)
  const ask = async (maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<number> => {
    const dispatcher = new Agent({ connect: { ca: caPem, minVersion: 'TLSv1.2', maxVersion } })
    t.teardown(() => dispatcher.destroy())
    const headers = { authorization: `Bearer ${operatorToken}` }
    const { statusCode, body } = await request(`${url}/operator/v1/agents`, { dispatcher, headers })
    await body.dump()
    return statusCode
  }

  await t.rejects(ask('TLSv1.2'), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  t.equal(await ask('TLSv1.3'), 200)
})

t.test('its certificate is for the address that it listens at and the names that it was given', async (t) => {
  const { url, caPem, operator } = await openTestControlPlane(t, { host: '127.0.0.2', names: ['cp.example.net'] })
  const ask = async (servername: string): Promise<number> => {
    const dispatcher = new Agent({ connect: { ca: caPem, servername } })
    t.teardown(() => dispatcher.destroy())
    const { statusCode, body } = await request(url, { dispatcher })
    await body.dump()
    return statusCode
  }

  t.match(url, /^https:\/\/127\.0\.0\.2:/)
  t.same(await operator.agents(), [])
  t.equal(await ask('cp.example.net'), 404)
  await t.rejects(ask('other.example.net'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

t.test('a control plane that listens at all addresses is called at one that its certificate carries', async (t) => {
  const { url, operator } = await openTestControlPlane(t, { host: '::' })

  t.match(url, /^https:\/\/\[::1\]:/)
  t.same(await operator.agents(), [])
})

t.test('every error answer says what is wrong and which request it was', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const foreign = await plane.enroll('mail-2')
  const retired = await plane.enroll('mail-3')
  await plane.operator.retire(retired.id)
  const token = await plane.operator.createToken()
  const tooLarge = { status: 'Failed', error: 'x'.repeat(1024 * 1024) }
  const answers = [
    [400, await agent.post(`/jobs/${jobId}/status`, {})],
    [400, await agent.post(`/jobs/${jobId}/status`, '{"status":')],
    [400, await agent.get('/certificates/%zz')],
    [401, await plane.ask('GET', `/api/v1/agents/${agent.id}/work`, '')],
    [401, await plane.ask('GET', '/operator/v1/jobs', agent.credential)],
    [403, await plane.ask('GET', `/api/v1/agents/${agent.id}/work`, foreign.credential)],
    [404, await plane.ask('GET', '/', agent.credential)],
    [404, await agent.get('/certificates/unknown')],
    [409, await plane.ask('POST', '/api/v1/agents', token, { name: 'mail-1', hostname: 'mail-1' })],
    [410, await retired.post('/heartbeat', {})],
    [413, await agent.post(`/jobs/${jobId}/status`, tooLarge)],
    [500, await agent.post('/discoveries', { certificates: [], errors: [] })],
    [429, (await Promise.all(Array.from({ length: 101 }, () => foreign.get('/work')))).find(isLimited)],
  ] as const

  for (const [status, answer] of answers)
    t.match(answer, { status, body: { error: /./, request_id: /./ } }, `${status} ${String(answer?.body['error'])}`)
})

t.test('a fault inside the control plane tells nothing of its inside', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  await breakDatabase(plane, 'PRAGMA foreign_keys = OFF; DROP TABLE job')

  const answer = await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })

  t.match(answer, { status: 500, body: { error: 'an error in the control plane', request_id: /./ } })
})

function isLimited({ status }: { readonly status: number }): boolean {
  return status === 429
}

t.test('who is known is served while others fail from the same address, and a header chooses no limit', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.get('/work')

  const guesses = await Promise.all(
    Array.from({ length: 150 }, (_, at) => plane.ask('GET', '/operator/v1/jobs', `guess-${at}`)),
  )

  t.same(new Set(guesses.map(({ status }) => status)), new Set([401, 429]))
  t.equal(guesses.filter(({ status }) => status === 401).length, 100)
  t.equal((await agent.get('/work')).status, 200)
})

t.test(
  'who guesses at lists of revocations is told to come again, and the load balancer hears all the same that the server is well',
  async (t) => {
    const plane = await openTestControlPlane(t)
    const guess = async (): Promise<number> => (await plane.ask('GET', '/crl/0123456789abcdef.crl', '')).status

    const statuses = await Promise.all(Array.from({ length: 100 }, guess))

    t.same(new Set(statuses), new Set([404]))
    t.equal(await guess(), 429)
    for (const path of ['/healthz', '/readyz']) t.equal((await plane.ask('GET', path, '')).status, 200)
  },
)

t.test('who is not known, or calls what is not there, is refused before the body has come', async (t) => {
  const plane = await openTestControlPlane(t)

  const [unknown, missing] = [
    await answerBeforeBody(t, plane, '/api/v1/agents'),
    await answerBeforeBody(t, plane, '/x'),
  ]

  t.match(unknown, /^HTTP\/1\.1 401 /)
  t.match(missing, /^HTTP\/1\.1 404 /)
})

t.test('a name of as many letters as DNS allows comes to its call', async (t) => {
  const plane = await openTestControlPlane(t)
  const name = `${'mail.'.repeat(48)}example.net`

  const answer = await plane.ask('POST', `/operator/v1/certificates/${name}/renew`, plane.operatorToken)

  t.match(answer, { status: 404, body: { error: /^there is no such certificate/ } })
})

t.test('an agent that leaves rows in the database all the time is slowed down, and still heard', async (t) => {
  const plane = await openTestControlPlane(t)
  const [agent, other] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]
  const discover = async (): Promise<number> =>
    (await agent.post('/discoveries', { certificates: [{}], errors: [] })).status
  for (let batch = 0; batch < 20; batch += 1) {
    await Promise.all(Array.from({ length: 50 }, discover))
    plane.advance(1000)
  }

  // In twenty seconds two more came to the thousand.
  t.same([await discover(), await discover(), await discover()], [202, 202, 429])
  t.equal((await agent.post('/credential', {})).status, 429)
  t.equal((await agent.post('/heartbeat', {})).status, 200)
  t.equal((await other.post('/credential', {})).status, 201)
})

/** What the server says to a call of which its body has one byte so far. */
async function answerBeforeBody(t: Test, { url, caPem }: TestControlPlane, path: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), ca: caPem })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString()
}
