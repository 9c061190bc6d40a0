import { createHash, X509Certificate } from 'node:crypto'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Probe } from '../../src/plan/plan.ts'
import { probeOnce } from '../../src/verify/probe-once.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { startSite } from '../support/site.ts'

const site = await startSite()
t.teardown(() => site.close())
const { operator } = site
const state = join(site.dir, 'state')
let agent: WaxsealProcess

t.test(
  'a rotation serves the key that was made ahead, and reuse serves the key of before, on the live socket',
  async (t) => {
    agent = site.startAgent()
    const id = await site.request()
    await reported()
    const first = await served()
    const known = await listed()
    t.equal(first.spki, known.spki)
    t.ok(known.next)

    await operator.renew(id)
    await reported()
    const second = await served()
    await operator.changePolicy(id, { key_policy: 'reuse' })
    await operator.renew(id)
    await reported()
    const third = await served()

    t.equal(second.spki, known.next, 'a TLSA record that was there before fits')
    t.equal(third.spki, second.spki)
    t.equal(new Set([first, second, third].map(({ leaf }) => leaf)).size, 3)
  },
)

t.test('after the state directory was put back, and the key is in it no more, reuse takes the live one', async (t) => {
  const [{ certificate_id: id }] = [await listed()]
  await stop()
  const backup = join(site.dir, 'backup')
  await cp(state, backup, { recursive: true })
  agent = site.startAgent()
  await operator.changePolicy(id, { key_policy: 'rotate', key_type: 'p384' })
  await operator.renew(id)
  await reported()
  const before = await served()
  await stop()
  await rm(state, { recursive: true })
  await cp(backup, state, { recursive: true })
  t.notOk((await readdir(join(state, 'keys'))).includes(`${before.spki}.pem`))
  agent = site.startAgent()

  await operator.changePolicy(id, { key_policy: 'reuse' })
  await operator.renew(id)
  await reported()

  const after = await served()
  t.equal(after.spki, before.spki)
  t.not(after.leaf, before.leaf)
})

t.test('another kind of key is made when it is asked for, and served', async (t) => {
  const { certificate_id: id } = await listed()
  await operator.changePolicy(id, { key_type: 'rsa2048' })
  await operator.renew(id)
  await reported()

  t.match(await served(), { keyType: 'rsa' })
  t.match(await listed(), { key_type: 'rsa2048' })
  await stop()
})

async function stop(): Promise<void> {
  agent.kill('SIGTERM')
  await agent.exited
}

async function listed() {
  const [row = {}] = await operator.certificates()
  const { id, spki_sha256: spki, next_spki_sha256: next, ...rest } = row
  return { ...rest, certificate_id: String(id), spki, next }
}

/** What the first port of the mail server shows. */
async function served() {
  const [port] = site.daemon.ports
  if (port === undefined) throw new Error('the mail server has no port')
  const probe: Probe = { host: '127.0.0.1', ...port, servername: null, keyType: null, timeoutMs: 20_000 }
  const { leaf } = await probeOnce(probe)
  const { publicKey } = new X509Certificate(leaf?.der ?? Buffer.alloc(0))
  const spki = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
  return { leaf: leaf?.sha256, spki, keyType: publicKey.asymmetricKeyType }
}

/** Resolves when the final result of a deployment has been acknowledged. */
async function reported(): Promise<void> {
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
}
