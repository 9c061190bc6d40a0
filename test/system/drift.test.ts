import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { runOrThrow } from '../../src/demo/mail-host/daemon.ts'
import type { StatusDocument } from '../../src/status/status-document.ts'
import type { LogLine, WaxsealProcess } from '../support/process.ts'
import { runWaxseal } from '../support/run-waxseal.ts'
import { type Site, startSite } from '../support/site.ts'

const site = await startSite({ drift_watch: '* * * * * *' })
t.teardown(() => site.close())

const agent = site.startAgent()
await site.request()
await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)

t.test('a pair swapped and served behind the agent is told once, and once more when it is mended', async (t) => {
  const { certPath, keyPath, ports, reload } = site.daemon
  const deployed = await Promise.all([certPath, keyPath].map((path) => readFile(path)))
  const { certificatePem, keyPem, sha256 } = site.oldPair
  const serve = async ([certificate, key]: readonly (string | Buffer)[]): Promise<void> => {
    await writeFile(certPath, certificate ?? '')
    await writeFile(keyPath, key ?? '')
    await runOrThrow(reload)
  }
  const isComplete = ({ msg, reasons }: LogLine): boolean =>
    msg === 'drift' && (reasons as readonly string[]).filter((line) => line.includes(sha256)).length === ports.length

  site.proxy.misbehave(({ path }) => (path.endsWith('/discoveries') ? { status: 503 } : null))
  await serve([certificatePem, keyPem])
  const drift = await agent.waitFor(isComplete)
  await looks(site, 2)
  const before = await site.operator.targets()
  site.proxy.misbehave(() => null)
  await looks(site, 2)
  const shown = await site.operator.targets()
  await serve(deployed)
  const mended = await agent.waitFor(({ msg }) => msg === 'drift mended')
  await looks(site, 2)

  t.match(drift['reasons'], [`${certPath} is not what was deployed.`, `${keyPath} is not what was deployed.`])
  t.equal(agent.lines.filter(isComplete).length, 1, 'on each port, once')
  t.ok(site.proxy.seen.some(({ path, body }) => path.endsWith('/discoveries') && body.includes(sha256)))
  t.same(mended['reasons'], [])
  t.match(before, [{ drift: null }])
  t.match(shown, [{ id: site.targetId, drift: { reasons: drift['reasons'] } }], 'told once it can be')
  t.match(await site.operator.targets(), [{ drift: null }])
})

t.test('a validation job is Completed when the target is as it was deployed', async (t) => {
  const id = await site.operator.validate(site.targetId)

  await finished(agent, id)

  const deployed = { certificate: { sha256: /^[0-9a-f]{64}$/, notBefore: String, notAfter: String } }
  t.match(await site.operator.job(id), { status: 'Completed', error: null, outcome: deployed })
})

t.test('a validation job is Failed with the reasons when it is not, and changes nothing', async (t) => {
  const { keyPath } = site.daemon
  const deployed = await readFile(keyPath)
  await writeFile(keyPath, site.oldPair.keyPem)

  const id = await site.operator.validate(site.targetId)
  await finished(agent, id)

  t.match(await site.operator.job(id), { status: 'Failed', error: /^VALIDATION_FAILED.*is not what was deployed/ })
  t.match(await site.operator.job(id), { outcome: { certificate: { sha256: String } } })
  t.equal(await readFile(keyPath, 'utf8'), site.oldPair.keyPem)
  await writeFile(keyPath, deployed)
})

t.test(
  'a certificate that is due for renewal is told once, with who has to do what, and check warns of it',
  async (t) => {
    const path = join(site.dir, 'state/deployments', `${site.targetId}.json`)
    // Changed by hand it has no digest, as one of the version before.
    const written = (await readFile(path, 'utf8')).replace(/,"sha256":"[0-9a-f]{64}"\}\n$/, '}')
    const envelope = JSON.parse(written) as {
      readonly document: { readonly certificate: { notBefore: string; readonly notAfter: string } }
    }
    const { certificate } = envelope.document
    const left = Date.parse(certificate.notAfter) - Date.now()
    certificate.notBefore = new Date(Date.now() - left * 2.5).toISOString()
    await writeFile(path, JSON.stringify(envelope))

    const due = await agent.waitFor(({ msg }) => msg === 'renewal due')
    await looks(site, 2)
    const ran = await runWaxseal(['check', '--config', join(site.dir, 'waxseal.yaml')])

    t.match(due['reason'], /expires in \d+ days, and 71 % of its life are gone.*waxseal control-plane certificates/)
    t.equal(agent.lines.filter(({ msg }) => msg === 'renewal due').length, 1)
    t.match(ran.stdout, /warning +target .*as it was deployed, \d+ days left\. .*its renewal is due\./)
    t.match(await targetsOf(site), [{ state: 'due', deployed: { lifetimeUsed: Number } }])
  },
)

t.test('a target that is forgotten is watched no more, and drifts no more at the control plane', async (t) => {
  await writeFile(site.daemon.keyPath, site.oldPair.keyPem)
  await agent.waitFor(({ msg }) => msg === 'drift')
  await looks(site, 2)
  t.notMatch(await site.operator.targets(), [{ drift: null }])

  const ran = await runWaxseal(['forget', site.targetId, '--config', join(site.dir, 'waxseal.yaml')])

  t.match(ran, { status: 0, stderr: '' })
  t.same(await targetsOf(site), [])
  while ((await site.operator.targets())[0]?.['drift'] !== null) await heartbeat(site)
})

t.test('the agent with a drift watch still ends with 0', async (t) => {
  agent.kill('SIGTERM')

  t.equal(await agent.exited, 0)
})

async function finished(process: WaxsealProcess, id: string): Promise<void> {
  await process.waitFor(({ msg, job, final }: LogLine) => msg === 'reported' && job === id && final === true)
}

/** Waits until the watch has looked so often: each look is in the status. */
async function looks(at: Site, count: number): Promise<void> {
  const seen = new Set<string>()
  while (seen.size <= count) for (const { lookedAt } of await targetsOf(at)) if (lookedAt !== null) seen.add(lookedAt)
}

/** Waits for the next one. */
async function heartbeat(at: Site): Promise<void> {
  const count = (): number => at.proxy.seen.filter(({ path }) => path.endsWith('/heartbeat')).length
  for (const before = count(); count() === before; ) await targetsOf(at)
}

async function targetsOf({ dir }: Site): Promise<StatusDocument['targets']> {
  const dispatcher = new Agent({ connect: { socketPath: join(dir, 'status.sock') } })
  const { body } = await request('http://localhost/status', { dispatcher })
  const { targets } = (await body.json()) as StatusDocument
  await dispatcher.destroy()
  return targets
}
