import { createReadStream } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeFolder, makeTemporaryFolder, writeText } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { targetOf } from '../support/deployment.ts'
import { halvesOf } from '../support/process.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'
import { startSite } from '../support/site.ts'
import { must } from './support/disk.ts'
import { type FaultHost, openFaultHost } from './support/fault-host.ts'
import { type HeldCheck, makeHeldCheck } from './support/held-check.ts'
import { runTraced } from './support/traced.ts'

t.setTimeout(600_000)
const skip = unlessInstalled('strace')

t.test('a second agent on a state directory refuses to start, and names the first', async (t) => {
  const site = await startSite()
  t.teardown(() => site.close())
  const first = site.startAgent()
  await first.waitFor(({ msg }) => msg === 'agent starts')
  const [deployer] = halvesOf(first.pid)

  const second = site.startAgent()

  t.equal(await second.exited, 1)
  const said = second.lines.map(({ text }) => String(text)).join('\n')
  t.match(said, /STATE_BUSY/)
  t.match(said, new RegExp(`\\b${deployer}\\b`))
  await site.request()
  await first.waitFor(({ msg, final }) => msg === 'reported' && final === true)
})

t.test('what an administrator writes before the commit stays, and the deployment is refused', async (t) => {
  for (const path of ['certPath', 'keyPath'] as const) {
    const { host, held } = await openHost(t)
    // A line that PEM ignores leaves a key the same key: the administrator's is another one.
    const theirs = path === 'keyPath' ? host.newPair.keyPem : `${host.oldPair.certificatePem}# mine\n`
    const running = host.deploy()
    await held.reached()
    await writeText(host[path], theirs, 0o640)
    await held.release()
    const ran = await running

    t.equal(ran.status, 3)
    t.match(jsonOf(ran), { outcome: 'refused', host: 'untouched', code: 'STAGE_FAILED', message: /somebody else/ })
    t.equal(await readFile(host[path], 'utf8'), theirs)
    t.same(leftIn(await host.violations()), [])
  }
})

t.test('two targets that share a file, deployed at once, both end with an outcome and one whole pair', async (t) => {
  const { host, held } = await openHost(t)
  const other = join(host.dir, 'other.json')
  await copyFile(join(host.dir, 'target.json'), other)
  const again = ['--target', other, '--cert', join(host.dir, 'old.pem'), '--key', join(host.dir, 'old.key')]

  const running = [host.deploy(), runWaxseal([...host.deployArgs, ...again])]
  await held.reached()
  await held.release()
  const ends = await Promise.all(running)

  t.same(
    ends.map(({ status }) => status),
    [0, 0],
  )
  t.ok([host.oldPair.sha256, host.newPair.sha256].includes(await host.leafOnDisk()))
  t.same(await host.violations(), [])
})

t.test('a deployment by hand waits until the one of the agent is over', { skip }, async (t) => {
  const site = await startSite()
  t.teardown(() => site.close())
  const held = await makeHeldCheck(join(site.dir, 'check'))
  const configFile = join(site.dir, 'waxseal.yaml')
  const config = JSON.parse(await readFile(configFile, 'utf8')) as { policy: { commands: string[] } }
  config.policy.commands.push(held.command)
  await writeText(configFile, JSON.stringify(config))
  const targetConfig = { ...targetOf(site.daemon), validate_command: held.command }
  const target = { name: 'held', agent_id: site.agentId, type: 'Postfix', config: targetConfig }
  const agent = site.startAgent()
  await site.request([await site.operator.addTarget(target)])
  await held.reached()

  const [lock, calls] = [join(site.dir, 'state', 'deploy.lock'), join(site.dir, 'calls')]
  await must('mkfifo', calls)
  const atLock = firstChunk(calls)
  const at = (name: string): string => join(site.dir, name)
  await writeText(at('old.pem'), site.oldPair.certificatePem)
  await writeText(at('old.key'), site.oldPair.keyPem, 0o600)
  await writeText(at('target.json'), JSON.stringify(targetOf(site.daemon)))
  const byHand = runTraced(
    [`--output=${calls}`, '--trace=openat', `--trace-path=${lock}`],
    `deploy --json --connector postfix --config ${configFile} --target ${at('target.json')}`
      .split(' ')
      .concat('--cert', at('old.pem'), '--key', at('old.key')),
  )
  await atLock
  await held.release()
  const agentEnds = await agent.waitFor(({ msg, step }) => msg === 'step' && step === 'settle')
  const ran = await byHand

  t.equal(ran.status, 0, ran.stdout + ran.stderr)
  const [first] = jsonOf<Outcome>(ran).steps
  t.ok(Date.parse(first?.start ?? '') >= Date.parse(String(agentEnds['time'])) - 100, 'it began after the settle')
})

/** A host whose check stops once, right before the files are staged. */
async function openHost(t: Test): Promise<{ readonly host: FaultHost; readonly held: HeldCheck }> {
  const dir = await makeTemporaryFolder('waxseal-concurrency-')
  await makeFolder(join(dir, 'live'))
  const held = await makeHeldCheck(join(dir, 'check'))
  const at = { dir, live: join(dir, 'live'), state: join(dir, 'state'), check: held.command }
  const host = await openFaultHost({ ...at, layout: 'files' })
  t.teardown(async () => {
    await host.close()
    await removeWhenQuiet(dir)
  })
  await host.install()
  return { host, held }
}

/** Of the violations, those that are files of ours. */
function leftIn(violations: readonly string[]): readonly string[] {
  return violations.filter((what) => what.startsWith('left over') || what.startsWith('in the journal'))
}

/** Resolves when something has been written to a pipe, which is read to its end. */
async function firstChunk(pipe: string): Promise<void> {
  const stream = createReadStream(pipe)
  await new Promise<void>((resolve, reject) => {
    stream.once('data', () => resolve()).once('error', reject)
  })
  stream.resume()
}
