import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { renewableHttps, type ServerPair } from '../../../src/host/socket/renewable-https.ts'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { readVersion } from '../../../src/server/authority/read-version.ts'
import { readRoots } from '../../../src/server/authority/roots.ts'
import { openCa } from '../../../src/server/open-ca.ts'
import { crlPublisher } from '../../../src/server/operation/certificate/publish-crl.ts'
import { openOwnPair } from '../../../src/server/own-pair.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { newCsr } from '../../support/csr.ts'
import { agentRow, certificateRow } from '../../support/store-site.ts'

const dayMs = 86_400_000
const yearMs = 365 * dayMs

t.test('the next CA is made at the half of a life, signs later, and follows when the first has ended', async (t) => {
  const dir = t.testdir({})
  const authority = await openAuthority(dir)
  const start = Date.now()
  const csr = await newCsr()
  const signerOf = async (at: number): Promise<string> =>
    new X509Certificate(await authority.sign(csr, ['mail.example.net'], 47, at)).issuer

  t.equal(await authority.tend(start + 4.9 * yearMs), false)
  const first = await signerOf(start + 4.9 * yearMs)
  t.equal(await authority.tend(start + 5.1 * yearMs), true)
  t.equal(certificatesIn(authority.caPem), 2, 'agents get both')
  t.equal(readFileSync(join(dir, 'ca.pem'), 'utf8'), authority.caPem)
  t.equal(await authority.tend(start + 5.2 * yearMs), false)
  t.equal(await signerOf(start + 7.4 * yearMs), first)
  const second = await signerOf(start + 7.7 * yearMs)
  t.not(second, first)
  const again = await openAuthority(dir, false)
  t.equal(new X509Certificate(await again.sign(csr, ['mail.example.net'], 47, start + 7.7 * yearMs)).issuer, second)
  t.equal(await authority.tend(start + 10.05 * yearMs), false)
  t.equal(await signerOf(start + 10.05 * yearMs), second)
  t.equal(await authority.tend(start + 10.2 * yearMs), true, 'and so on')
})

t.test(
  'a clock that was years ahead for a moment costs no CA, and signs as before when it is right again',
  async (t) => {
    const dir = t.testdir({})
    const authority = await openAuthority(dir)
    const { caPem } = authority
    const start = Date.now()
    const csr = await newCsr()
    for (const years of [6, 11, 30]) await authority.tend(start + years * yearMs)

    t.match(authority.caPem, caPem)
    const leaf = new X509Certificate(await authority.sign(csr, ['mail.example.net'], 47, start))
    t.ok(leaf.verify(new X509Certificate(caPem).publicKey))
  },
)

t.test('a control plane has its own pair again at once that was made while its clock was ahead', async (t) => {
  let now = Date.now()
  const authority = await openAuthority(t.testdir({}))
  const own = await openOwnPair({ now: async () => now }, authority, ['localhost'], false)
  const pairs: ServerPair[] = []
  const tend = () => own.tend((pair) => pairs.push(pair))
  now += 2 * yearMs
  await tend()

  now -= 2 * yearMs
  await tend()
  await tend()

  t.equal(pairs.length, 2)
  t.ok(readVersion(pairs[1]?.certificatePem ?? '').notBefore < now)
})

t.test('a leaf does not outlive its CA', async (t) => {
  const authority = await openAuthority(t.testdir({}))
  const ca = new X509Certificate(authority.caPem).validToDate.getTime()
  const leaf = new X509Certificate(await authority.sign(await newCsr(), ['mail.example.net'], 47, ca - dayMs))

  t.equal(leaf.validToDate.getTime(), ca)
})

t.test('a key without a certificate, as a crash leaves it, is not used', async (t) => {
  const dir = t.testdir({})
  const { caPem } = await openAuthority(dir)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(
    join(dir, 'ca.key'),
    String(privateKey.export({ type: 'pkcs8', format: 'pem' })) + readFileSync(join(dir, 'ca.key'), 'utf8'),
  )

  t.equal((await openAuthority(dir, false)).caPem, caPem)
  writeFileSync(join(dir, 'ca.key'), '')
  await t.rejects(openAuthority(dir, false), { code: 'CA_MISSING' })
})

t.test('OpenSSL takes the list, finds what was revoked, and its number grows', async (t) => {
  const { dir, store, authority, add, setTime, now } = await openSite(t)
  authority.publishAt('https://cp.example.net:8443')
  const [good, bad] = [await add('good'), await add('bad')]
  const id = (await readRoots(dir)).signing[0]?.id ?? ''
  t.match(text(bad), `URI:https://cp.example.net:8443/crl/${id}.crl`)
  const crlOf = crlPublisher(store, authority)

  const empty = await crlOf(id)
  await store.versions.revoke('bad', 1, now())
  t.equal(await crlOf(id), empty, 'the store is looked at six times a minute')
  setTime(now() + 11_000)
  const full = await crlOf(id)
  t.equal(await crlOf(id), full)
  t.equal(verify(dir, full, good), 'OK')
  t.match(verify(dir, full, bad), /certificate revoked/)
  t.equal(verify(dir, empty, bad), 'OK')
  t.ok(numberOf(full) > numberOf(empty))
  setTime(now() - dayMs)
  t.ok(numberOf(await crlPublisher(store, authority)(id)) > numberOf(full), 'whatever the clock says')
  t.equal(await crlOf('0123456789abcdef'), null)
})

const limits = { handshakeMs: 10_000, requestMs: 1000, silentMs: 10_000, keepAliveMs: 1000, connections: 2 }

t.test('the own certificate is exchanged while the server listens', async (t) => {
  const { store, authority, setTime, now } = await openSite(t)
  const own = await openOwnPair(store, authority, ['localhost'], true)
  const https = renewableHttps(own.pair)
  const server = https.create((_, answer) => answer.end(), limits)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const first = await servedEnd(port)

  await own.tend(https.exchange)
  t.equal(await servedEnd(port), first)
  setTime(now() + 270 * dayMs)
  await own.tend(https.exchange)
  t.ok((await servedEnd(port)) > first + 200 * dayMs)
})

t.test('a connection more than there may be is hung up on, and one that ends makes room', async (t) => {
  const { certificatePem, keyPem } = await (await openAuthority(t.testdir({}))).issueServerPair(['localhost'])
  const server = renewableHttps({ certificatePem, keyPem }).create((_, answer) => answer.end(), limits)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const sockets = Array.from({ length: 2 }, () => createConnection({ host: '127.0.0.1', port }))
  t.teardown(() => sockets.map((socket) => socket.destroy()))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))

  await t.rejects(servedEnd(port))
  const ended = once(sockets[0] as Socket, 'close')
  sockets[0]?.end()
  await ended

  t.ok(await servedEnd(port))
})

t.test('every server of a database has the same CA, which the operator gives to it', async (t) => {
  const [dataDir, other, caDir] = [t.testdir({}), join(t.testdirName, 'other'), join(t.testdirName, 'ca')]
  for (const dir of [other, caDir]) mkdirSync(dir)
  const store = await openStore({ dataDir })
  t.teardown(() => store.close())
  const database = 'postgres://'
  const first = await openCa({ dataDir, database }, store)

  await t.rejects(openCa({ dataDir: other, database }, store), { code: 'CA_MISSING' }, 'none is made beside it')
  await t.rejects(openCa({ dataDir: other, caDir }, store), { code: 'CA_MISSING' })
  await openAuthority(caDir)
  await t.rejects(openCa({ dataDir: other, caDir, database }, store), { code: 'CA_MISSING' }, 'it is another one')
  for (const name of ['ca.pem', 'ca.key']) copyFileSync(join(dataDir, name), join(caDir, name))
  t.equal((await openCa({ dataDir: other, caDir, database }, store)).caPem, first.caPem)
  t.equal(readFileSync(join(other, 'ca.pem'), 'utf8'), first.caPem)
  t.equal((await openCa({ dataDir, database }, store)).caPem, first.caPem)
})

async function openSite(t: Test) {
  const dir = t.testdir({})
  // OpenSSL has its own clock.
  let now = Date.now() - dayMs / 24
  const store = await openStore({ dataDir: dir, now: () => now })
  t.teardown(() => store.close())
  const authority = await openAuthority(dir)
  const agent = agentRow({ registeredAt: now })
  await store.agents.add(agent)
  const add = async (id: string): Promise<string> => {
    await store.certificates.add(certificateRow({ id, agentId: agent.id, createdAt: now }), [])
    const version = readVersion(await authority.sign(await newCsr(), ['mail.example.net'], 47, now))
    const signed = { certificateId: id, number: 1, issuer: 'local', issuedAt: now, revokedAt: null }
    await store.versions.add({ ...version, ...signed })
    return version.pem
  }
  return {
    dir,
    store,
    authority,
    add,
    now: () => now,
    setTime: (at: number) => {
      now = at
    },
  }
}

function certificatesIn(pem: string): number {
  return pem.split('BEGIN CERTIFICATE').length - 1
}

function text(pem: string): string {
  return execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem, encoding: 'utf8' })
}

function numberOf(crl: Buffer | null): number {
  const printed = execFileSync('openssl', ['crl', '-inform', 'DER', '-noout', '-crlnumber'], { input: crl ?? '' })
  return Number.parseInt(/=(?:0x)?([0-9A-F]+)/i.exec(printed.toString())?.[1] ?? '', 16)
}

/** What OpenSSL says of a leaf under this list: OK, or its words. */
function verify(dir: string, crl: Buffer | null, pem: string): string {
  const at = (name: string): string => join(dir, name)
  writeFileSync(at('leaf.pem'), pem)
  const list = execFileSync('openssl', ['crl', '-inform', 'DER', '-CAfile', at('ca.pem')], {
    input: crl ?? '',
    stdio: 'pipe',
  })
  writeFileSync(at('crl.pem'), list)
  try {
    const files = ['-CAfile', at('ca.pem'), '-CRLfile', at('crl.pem'), at('leaf.pem')]
    execFileSync('openssl', ['verify', '-crl_check', ...files], { stdio: 'pipe' })
    return 'OK'
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr)
  }
}

async function servedEnd(port: number): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, minVersion: 'TLSv1.3' })
  await once(socket, 'secureConnect')
  const end = socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0
  socket.destroy()
  return end
}
