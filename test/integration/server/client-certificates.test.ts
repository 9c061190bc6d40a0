import { X509Certificate } from 'node:crypto'
import { on, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { makeClientRequest } from '../../../src/cli/control-plane/client-request.ts'
import { type ClientPair, clientPairIn } from '../../../src/control-plane/client-pair.ts'
import { clientCredential } from '../../../src/control-plane/credential-calls.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { peerFingerprint } from '../../../src/host/socket/peer-fingerprint.ts'
import { renewableHttps } from '../../../src/host/socket/renewable-https.ts'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { openClientCa } from '../../../src/server/authority/client-ca.ts'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { type Answer, openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { openEnrolledSite } from '../../support/enrolled-site.ts'
import { startPostgres } from '../../support/postgres.ts'
import { twoServers } from '../../support/two-servers.ts'

const dayMs = 86_400_000
const postgres = await startPostgres(t)
const facts = hostFacts('0.0.0')

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const planeOf = async (t: Test): Promise<TestControlPlane> =>
    openTestControlPlane(t, { database: kind === 'SQLite' ? undefined : await postgres.newDatabase() })

  t.test(`${kind}: an agent is known by the certificate of its connection, and by nothing that it sends`, async (t) => {
    const plane = await planeOf(t)
    const { id, pair, body } = await enrollWithCertificate(plane)
    t.notOk('api_key' in body)
    const leaf = new X509Certificate(pair.certificatePem)
    t.match(leaf.subject, new RegExp(`CN=${id}`))
    t.same(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'for clients alone')
    t.equal(leaf.validToDate.getTime() - leaf.validFromDate.getTime(), 30 * dayMs + 60_000)
    const other = await plane.enroll('mail-2')

    const call = callerWith(t, plane, pair)
    t.equal((await call('POST', `/api/v1/agents/${id}/heartbeat`, {})).status, 200)
    t.equal((await call('GET', `/api/v1/agents/${id}/work`)).status, 200)
    t.equal((await call('GET', `/api/v1/agents/${other.id}/work`)).status, 403, 'it is one agent')
    t.equal((await call('GET', '/operator/v1/agents')).status, 401, 'and no operator')
    t.equal((await call('POST', '/api/v1/agents', { name: 'more', hostname: 'more' })).status, 401)
    t.equal((await plane.ask('GET', `/api/v1/agents/${id}/work`, '')).status, 401, 'without it nobody is it')
    const { hash } = fingerprintOf(pair)
    t.equal((await plane.ask('GET', `/api/v1/agents/${id}/work`, hash)).status, 401, 'its fingerprint is no secret')
  })

  t.test(
    `${kind}: a session that is resumed after the revocation proves nothing, and neither does one that goes on`,
    async (t) => {
      const plane = await planeOf(t)
      const { id, pair } = await enrollWithCertificate(plane)
      const first = await connectWith(plane, pair)
      // It comes behind the handshake (TLS 1.3), and is read with the answer.
      const begun = once(first, 'session')
      t.match(await statusOver(first, id), /^HTTP\/1\.1 200/)
      const [session] = (await begun) as [Buffer]
      const resumed = await connectWith(plane, pair, session)
      t.ok(resumed.isSessionReused())
      t.match(await statusOver(resumed, id), /^HTTP\/1\.1 200/, 'a session is resumed')

      await plane.operator.revokeCredentials(id)

      t.match(await statusOver(first, id), /^HTTP\/1\.1 401/, 'the connection that was open')
      const after = await connectWith(plane, pair, session)
      t.ok(after.isSessionReused())
      t.match(await statusOver(after, id), /^HTTP\/1\.1 401/, 'the session that is resumed')
      t.match(await statusOver(await connectWith(plane, pair), id), /^HTTP\/1\.1 401/)
      for (const socket of [first, resumed, after]) socket.destroy()
    },
  )

  t.test(`${kind}: it ends when it ends, over an open connection, too`, async (t) => {
    const plane = await planeOf(t)
    const { id, pair } = await enrollWithCertificate(plane)
    const call = callerWith(t, plane, pair)
    plane.advance(30 * dayMs - 60_000)
    t.equal((await call('GET', `/api/v1/agents/${id}/work`)).status, 200)
    plane.advance(60_000)

    const { status, body } = await call('GET', `/api/v1/agents/${id}/work`)
    t.equal(status, 401)
    t.match(body['error'], /has ended.*readmit/)
  })

  t.test(`${kind}: the next one is got over the present one, which is good until the next one was used`, async (t) => {
    const plane = await planeOf(t)
    const { id, pair } = await enrollWithCertificate(plane)
    const present = callerWith(t, plane, pair)
    const lost = await renewed(present, id)
    const next = await renewed(present, id)
    t.equal((await present('GET', `/api/v1/agents/${id}/work`)).status, 200)
    t.equal((await callerWith(t, plane, lost)('GET', `/api/v1/agents/${id}/work`)).status, 401, 'its answer was lost')

    t.equal((await callerWith(t, plane, next)('GET', `/api/v1/agents/${id}/work`)).status, 200)
    t.equal((await present('GET', `/api/v1/agents/${id}/work`)).status, 401)
    t.equal((await present('POST', `/api/v1/agents/${id}/client-certificate`, { csr_pem: 'no CSR' })).status, 401)
    const broken = await callerWith(t, plane, next)('POST', `/api/v1/agents/${id}/client-certificate`, { csr_pem: 'x' })
    t.match(broken, { status: 400, body: { error: /CSR/ } })
  })

  t.test(`${kind}: an agent goes over from a secret to a certificate, and back`, async (t) => {
    const plane = await planeOf(t)
    const agent = await plane.enroll()
    const { keyPem, csrPem } = await makeClientRequest()
    const { body } = await agent.post('/client-certificate', { csr_pem: csrPem })
    const pair = { keyPem, certificatePem: String(body['client_certificate_pem']) }
    t.equal((await agent.get('/work')).status, 200, 'it has both while it changes over')
    const call = callerWith(t, plane, pair)
    t.equal((await call('GET', `/api/v1/agents/${agent.id}/work`)).status, 200)
    t.equal((await agent.get('/work')).status, 401)

    const { api_key: credential } = (await call('POST', `/api/v1/agents/${agent.id}/credential`)).body
    t.equal((await plane.agent({ id: agent.id, credential: String(credential) }).get('/work')).status, 200)
    t.equal((await call('GET', `/api/v1/agents/${agent.id}/work`)).status, 401)
    const exchanges = (await plane.operator.audit()).rows.filter(({ action }) => action === 'credential.exchange')
    t.same(
      new Set(exchanges.map(({ details }) => (details as { readonly kind?: string }).kind)),
      new Set(['certificate', 'secret']),
    )
  })

  t.test(`${kind}: a running host goes over to a certificate without being enrolled anew, and back`, async (t) => {
    const site = await openEnrolledSite(t, { database: kind === 'SQLite' ? undefined : await postgres.newDatabase() })
    const overs = { ...site.endpoint }
    for (const clientCertificate of [true, false]) {
      const { secrets: before = [] } = (await site.membership()).credential ?? {}
      const agent = await site.startAgent({ clientCertificate, clock: { random: () => 0 } })
      await agent.said('this host goes over to a credential of another kind, as it is configured')
      for (let beat = 0; beat < 3; beat += 1) await agent.heard()
      await agent.stop()

      const { secrets = [] } = (await site.membership()).credential ?? {}
      t.equal(secrets.length, 1, 'the one before is forgotten')
      t.equal(clientPairIn(secrets[0] ?? '') !== null, clientCertificate)
      const former = openControlPlane({ ...overs, credential: before[0] ?? overs.credential })
      await t.rejects(former.heartbeat(facts), { code: 'CONTROL_PLANE_REFUSED', details: { status: 401 } })
      await former.close()
    }
    const again = await site.startAgent({ clientCertificate: false })
    t.ok(await again.heard(), 'after a restart it goes on with what was kept')
    await again.stop()
    t.notOk(again.hasSaid('this host goes over to a credential of another kind, as it is configured'))
  })

  t.test(`${kind}: a registration whose answer was lost is asked for again with another key`, async (t) => {
    const plane = await planeOf(t)
    const token = await plane.operator.createToken()
    const ask = async () => {
      const { keyPem, csrPem } = await makeClientRequest()
      const body = { name: 'mail-1', hostname: 'mail-1', client_csr_pem: csrPem }
      const answer = await plane.ask('POST', '/api/v1/agents', token, body, { 'idempotency-key': 'k'.repeat(32) })
      t.equal(answer.status, 201)
      return {
        id: String(answer.body['id']),
        pair: { keyPem, certificatePem: String(answer.body['client_certificate_pem']) },
      }
    }
    const [lost, got] = [await ask(), await ask()]
    t.equal(lost.id, got.id)
    t.equal((await callerWith(t, plane, lost.pair)('GET', `/api/v1/agents/${got.id}/work`)).status, 401)
    t.equal((await callerWith(t, plane, got.pair)('GET', `/api/v1/agents/${got.id}/work`)).status, 200)
  })
}

t.test(
  'who signed a certificate says nothing: what the database does not know is refused, whatever CA it is of',
  async (t) => {
    const plane = await openTestControlPlane(t)
    const { id } = await enrollWithCertificate(plane)
    const stranger = await (await makeAuthority()).issue({ names: [id] })
    const { keyPem, csrPem } = await makeClientRequest()
    const own = await openClientCa(plane.dataDir, undefined, Date.now())
    const server = await (await openAuthority(plane.dataDir)).issueServerPair([id])
    for (const pair of [stranger, { keyPem, certificatePem: await own.issue(csrPem, id, Date.now()) }, server])
      t.equal((await callerWith(t, plane, pair)('GET', `/api/v1/agents/${id}/work`)).status, 401)
    t.not(own.pem, plane.caPem)
  },
)

t.test('what one server has issued is good at another, whose client CA is another', async (t) => {
  const [one, two] = await twoServers(t, postgres)
  const [ours, theirs] = await Promise.all(
    [one, two].map(({ dataDir }) => readFile(join(dataDir, 'client-ca.pem'), 'utf8')),
  )
  t.not(ours, theirs)
  const { id, pair } = await enrollWithCertificate(one)

  const next = await renewed(callerWith(t, two, pair), id)
  t.equal((await callerWith(t, one, next)('GET', `/api/v1/agents/${id}/work`)).status, 200)
  t.equal((await callerWith(t, two, pair)('GET', `/api/v1/agents/${id}/work`)).status, 401)
})

t.test('a listener asks for certificates after its own was exchanged, too', async (t) => {
  const dir = t.testdir({})
  const authority = await openAuthority(dir)
  const clientCa = await openClientCa(dir, undefined, Date.now())
  const https = renewableHttps(await authority.issueServerPair(['localhost']), clientCa.pem)
  const seen: (string | null)[] = []
  const limits = { handshakeMs: 9000, requestMs: 9000, silentMs: 9000, keepAliveMs: 9000, connections: 10 }
  const server = https.create((asked, answer) => {
    seen.push(peerFingerprint(asked.socket))
    answer.end()
  }, limits)
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const { keyPem, csrPem } = await makeClientRequest()
  const pair = { keyPem, certificatePem: await clientCa.issue(csrPem, 'agent-1', Date.now()) }
  for (const exchange of [false, true]) {
    if (exchange) https.exchange(await authority.issueServerPair(['localhost']))
    const plane = { url, caPem: authority.caPem }
    await callerWith(t, plane, pair)('GET', '/')
    await callerWith(t, plane, null)('GET', '/')
  }
  const { hash } = fingerprintOf(pair)
  t.same(seen, [hash, null, hash, null])
})

t.test('the agent itself renews its certificate at two thirds of its life, over the one that it has', async (t) => {
  let aheadMs = 0
  const now = (): number => Date.now() + aheadMs
  const site = await openEnrolledSite(t, { now })
  const token = await tokenOf(site)
  const { keyPem, csrPem } = await makeClientRequest()
  const endpoint = { url: site.endpoint.url, ca: site.endpoint.ca, credential: token }
  const { agentId, clientCertificate } = await register(endpoint, 'with-certificate', facts, undefined, csrPem)
  const credential = clientCredential(keyPem, clientCertificate ?? '')
  aheadMs = 21 * dayMs
  const agent = await site.startAgent({ agentId, credential, clock: { now } })
  await agent.said('the client certificate of this host was renewed')
  await agent.heard()
  await agent.heard()
  await agent.stop()

  const { secrets = [] } = (await site.membership()).credential ?? {}
  t.equal(secrets.length, 1, 'the former one is forgotten once the new one was taken')
  t.not(secrets[0], credential)
  t.ok(clientPairIn(secrets[0] ?? ''))
  const former = openControlPlane({ ...site.endpoint, agentId, credential })
  t.teardown(() => former.close())
  await t.rejects(former.heartbeat(facts), { code: 'CONTROL_PLANE_REFUSED', details: { status: 401 } })
  const again = await site.startAgent({ agentId, credential, clock: { now } })
  t.ok(await again.heard(), 'after a restart it goes on with what was kept')
  await again.stop()
})

async function tokenOf(site: Awaited<ReturnType<typeof openEnrolledSite>>): Promise<string> {
  const operator = openOperator(site.plane)
  try {
    return await operator.createToken()
  } finally {
    await operator.close()
  }
}

async function enrollWithCertificate(plane: TestControlPlane) {
  const { keyPem, csrPem } = await makeClientRequest()
  const wanted = { name: 'mail-1', hostname: 'mail-1.example.net', client_csr_pem: csrPem }
  const { body } = await plane.ask('POST', '/api/v1/agents', await plane.operator.createToken(), wanted)
  return { id: String(body['id']), pair: { keyPem, certificatePem: String(body['client_certificate_pem']) }, body }
}

function fingerprintOf({ certificatePem }: ClientPair): { readonly hash: string } {
  return { hash: new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '').toLowerCase() }
}

type Call = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Pick<Answer, 'status' | 'body'>>

/** Shows a certificate, or null: none; and no credential. */
function callerWith(t: Test, { url, caPem }: Pick<TestControlPlane, 'url' | 'caPem'>, pair: ClientPair | null): Call {
  const shown = pair === null ? {} : { key: pair.keyPem, cert: pair.certificatePem }
  const dispatcher = new Agent({ connect: { ca: caPem, ...shown } })
  t.teardown(() => dispatcher.destroy())
  return async (method, path, body) => {
    const answer = await request(`${url}${path}`, {
      method,
      dispatcher,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
  }
}

async function renewed(call: Call, id: string): Promise<ClientPair> {
  const { keyPem, csrPem } = await makeClientRequest()
  const { body } = await call('POST', `/api/v1/agents/${id}/client-certificate`, { csr_pem: csrPem })
  return { keyPem, certificatePem: String(body['client_certificate_pem']) }
}

async function connectWith(
  { url, caPem }: TestControlPlane,
  { keyPem, certificatePem }: ClientPair,
  session?: Buffer,
): Promise<TLSSocket> {
  const resumed = session === undefined ? {} : { session }
  const own = { key: keyPem, cert: certificatePem }
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca: caPem, ...own, ...resumed })
  await once(socket, 'secureConnect')
  return socket
}

async function statusOver(socket: TLSSocket, id: string): Promise<string> {
  socket.write(`GET /api/v1/agents/${id}/work HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  let text = ''
  for await (const [part] of on(socket, 'data', { close: ['close'] }) as AsyncIterable<[Buffer]>) {
    text += part.toString('latin1')
    if (text.includes('\r\n\r\n')) break
  }
  return text
}
