import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { leavesOf } from '../support/deployment.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { jsonOf, type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { deploymentsOf, startSite } from '../support/site.ts'

/** The machine of the one who signs: no data directory, and no server that it knows. */
const desk = await makeTemporaryFolder('waxseal-desk-')
t.teardown(() => removeTree(desk))
const key = join(desk, 'orders.key')
const made = await sign('--new-key', key, '--json')
const { spki } = jsonOf<{ readonly spki: string }>(made)
const site = await startSite({}, { orders: { keys: [spki] } })
t.teardown(() => site.close())
const agent = site.startAgent()

t.test('a key is made once, for its owner alone, and never over another file', async (t) => {
  t.equal((await stat(key)).mode & 0o777, 0o600)
  t.match(await sign('--new-key', key), { status: 2, stderr: /it is there already/ })
  t.match(await sign('--new-key', join(desk, 'other.key')), { status: 0, stdout: new RegExp('^ {4}keys: \\[MC', 'm') })
  t.match(await sign(), { status: 2 })
})

t.test('a host that pins a key makes no key for a job without an order', async (t) => {
  const certificate = await site.request()
  await reported(agent)

  const [job] = (await site.operator.jobs()).filter(({ certificate_id: id }) => id === certificate)
  t.match(job, { type: 'Issuance', status: 'Failed', error: /^ORDER_MISSING: / })
  t.same(await deploymentsOf(site, certificate), [])
})

t.test('what was printed, signed on another machine and handed over lets Postfix have its certificate', async (t) => {
  const file = join(desk, 'postfix.json')
  await writeFile(file, (await operate('order', 'postfix')).stdout)
  const signed = await sign(file, '--key', key)

  t.match(signed, { status: 0, stdout: /for these names: mail\.example\.net/ })
  t.match(signed.stdout, /onto the target postfix \(Postfix, id target-/)
  t.match(signed.stdout, /with one of these public keys \(SHA-256\) above them:\n +[0-9a-f]{64}\n/)
  t.match(await operate('add-order', file), { status: 2, stderr: /it is no signed order/ })
  t.match(await operate('add-order', `${file}.signed`, '--json'), { status: 0, stdout: /"target": "postfix"/ })
  t.match((await operate('orders')).stdout, /^postfix +\S+ +mail\.example\.net +\d+ +20\S+ +[0-9a-f]{16} /m)
  const certificate = await site.request()
  await reported(agent)

  const [deployment] = await deploymentsOf(site, certificate)
  t.match(deployment, { status: 'Completed', outcome: { outcome: 'deployed', proven: true, warnings: [] } })
  const outcome = deployment?.outcome as { readonly certificate?: { readonly sha256: string } } | null | undefined
  t.same([...new Set(await leavesOf(site.daemon))], [outcome?.certificate?.sha256])
})

t.test('a target that the control plane changes is deployed as it was signed, and the report says so', async (t) => {
  const before = await liveFiles()
  const [target] = await site.operator.targets()
  const config = { ...(target?.['config'] as object), cert_path: join(site.dir, 'elsewhere.pem') }
  const changed = { name: 'postfix', agent_id: site.agentId, type: 'Postfix', config, replace: true }
  await site.operator.addTarget(changed)
  const certificate = await site.request()
  await reported(agent)

  t.match(await deploymentsOf(site, certificate), [
    { status: 'Completed', outcome: { warnings: [/brought another target than its order/] } },
  ])
  t.notSame(await liveFiles(), before)
  await t.rejects(stat(join(site.dir, 'elsewhere.pem')), { code: 'ENOENT' })
})

t.test(
  'an older order, as after a restore, is refused with the highest sequence, and the newer one is taken again',
  async (t) => {
    const file = join(desk, 'postfix.json')
    const lower = join(desk, 'lower.signed')
    const higher = join(desk, 'higher.signed')
    await sign(file, '--key', key, '--sequence', '1', '--out', lower)
    await sign(file, '--key', key, '--sequence', '9000000000', '--out', higher)
    t.match(await operate('add-order', lower), { status: 1, stderr: /sign it again, with a higher one/ })
    t.match(await operate('add-order', higher), { status: 0 })
    t.match(await deployedAgain(), { status: 'Completed' })
    const before = await liveFiles()
    await exchangeOrder(
      JSON.parse(await readFile(lower, 'utf8')) as { readonly document: string; readonly signature: string },
    )

    t.match(await deployedAgain(), { error: /^ORDER_SUPERSEDED: .*highest: 9000000000/s })
    t.same(await liveFiles(), before)
    t.match(await operate('add-order', higher), { status: 0 })
    t.match(await deployedAgain(), { status: 'Completed' })
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

function sign(...args: readonly string[]): Promise<Ran> {
  return runWaxseal(['control-plane', 'sign', ...args])
}

function operate(...args: readonly string[]): Promise<Ran> {
  return runWaxseal(['control-plane', ...args, '--data-dir', site.dataDir])
}

async function liveFiles(): Promise<readonly string[]> {
  return Promise.all([site.daemon.certPath, site.daemon.keyPath].map((path) => readFile(path, 'utf8')))
}

/** What became of the newest certificate, deployed once more. */
async function deployedAgain() {
  const certificates = (await site.operator.certificates()).filter(({ version }) => version !== null)
  const certificate = String(certificates.at(-1)?.['id'])
  const id = await site.operator.deploy(certificate, site.targetId)
  await reported(agent)
  return site.operator.job(id)
}

/** Puts an order of before in the place of the kept one, as a backup has it. */
async function exchangeOrder({ document, signature }: { readonly document: string; readonly signature: string }) {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(site.dataDir, 'control-plane.db'))
  database.exec('PRAGMA busy_timeout = 10000')
  database.prepare('UPDATE standing_order SET document = ?, signature = ?, sequence = 1').run(document, signature)
  database.close()
}

/** Resolves when the final result of a job has been acknowledged. */
async function reported(process: WaxsealProcess): Promise<void> {
  await process.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
}
