import t from 'tap'
import { leavesOf } from '../support/deployment.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { deploymentsOf } from '../support/site.ts'
import { lineOf, startScriptSite } from './support/script-site.ts'

t.setTimeout(600_000)
const site = await startScriptSite()
t.teardown(() => site.close())

const slowCheck = await site.script('slow-check', ['log check-begins', 'sleep 1', 'log check-ends'])
const slowReload = await site.script('slow-reload', [
  'log reload-begins',
  'sleep 1',
  lineOf(site.daemon.reload),
  'log reload-ends',
])
const failingReload = await site.script('failing-reload', [
  'log failing-begins',
  'sleep 1',
  lineOf(site.daemon.reload),
  'log failing-ends',
  'exit 1',
])
await site.allow(slowCheck, slowReload, failingReload)
const slow = { validate_command: slowCheck, reload_command: slowReload }

const steps = 'material plan policy unchanged preflight journal stage commit check activate verify'.split(' ')
for (const [index, step] of [...steps, 'settle'].entries()) {
  t.test(`SIGTERM during ${step} lets the deployment finish and report, and ends the agent with 0`, async (t) => {
    const agent = site.startAgent()
    const certificate = await site.deploy(slow)

    await begun(agent, index === 0 ? null : steps[index - 1])
    agent.kill('SIGTERM')

    t.equal(await agent.exited, 0)
    const [job] = await deploymentsOf(site, certificate)
    t.match(job, { status: 'Completed', outcome: { outcome: 'deployed', host: 'changed' } })
    t.same(new Set(await leavesOf(site.daemon)), new Set([leafOf(job?.outcome)]))
    const logged = await site.logged()
    t.equal(count(logged, 'check-ends'), 2 * (index + 1))
    t.equal(count(logged, 'reload-ends'), index + 1)
    site.expectWarnings(t, agent, [])
  })
}

t.test('the second SIGTERM does not interrupt a rollback, and neither does the third', async (t) => {
  const before = await leavesOf(site.daemon)
  const agent = site.startAgent()
  const certificate = await site.deploy({ reload_command: failingReload })

  await begun(agent, 'check')
  agent.kill('SIGTERM')
  await begun(agent, 'activate')
  agent.kill('SIGTERM')
  agent.kill('SIGTERM')

  t.equal(await agent.exited, 0)
  const [job] = await deploymentsOf(site, certificate)
  t.match(job, { status: 'Failed', error: /^ACTIVATE_FAILED/, outcome: { outcome: 'rolled-back', host: 'restored' } })
  t.same(await leavesOf(site.daemon), before)
  t.equal(count(await site.logged(), 'failing-ends'), 2)
  site.expectWarnings(t, agent, ['deployment ends'])
})

t.test('after SIGTERM no new job is begun: it waits for the next start', async (t) => {
  const agent = site.startAgent()
  const first = await site.deploy(slow)
  await begun(agent, 'commit')
  const second = await site.deploy()

  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
  t.match(await deploymentsOf(site, first), [{ status: 'Completed' }])
  t.same(await deploymentsOf(site, second), [])
  const next = site.startAgent()

  t.match(await site.resultOf(second, next), { status: 'Completed' })
  await ended(t, next)
})

t.test('SIGHUP re-reads the policy: it holds for the next job', async (t) => {
  await site.allow()
  const agent = site.startAgent()
  t.match(await site.resultOf(await site.deploy(slow), agent), { status: 'Failed', error: /^COMMAND_NOT_ALLOWED/ })

  await site.allow(slowCheck, slowReload)
  agent.kill('SIGHUP')
  await agent.waitFor(({ msg }) => String(msg).startsWith('configuration read again'))

  t.match(await site.resultOf(await site.deploy(slow), agent), { status: 'Completed' })
  site.expectWarnings(t, agent, ['deployment ends'])
  await ended(t, agent)
})

t.test('SIGHUP with a configuration that is not valid says why, and the old one stays', async (t) => {
  const agent = site.startAgent()
  await agent.waitFor(({ msg }) => msg === 'agent starts')

  await site.configure({ policy: { roots: 'nowhere' } })
  agent.kill('SIGHUP')
  const said = await agent.waitFor(({ msg }) => String(msg).startsWith('configuration kept'))

  t.match(said, { level: 50, code: 'CONFIG_INVALID', details: { path: /policy/ } })
  t.match(await site.resultOf(await site.deploy(slow), agent), { status: 'Completed' })
  site.expectWarnings(t, agent, [String(said['msg'])])
  await site.allow(slowCheck, slowReload)
  await ended(t, agent)
})

for (const step of ['journal', 'stage'] as const) {
  t.test(`a job that crashes the agent after ${step} twice fails as INTERRUPTED and is not tried again`, async (t) => {
    const certificate = await site.deploy(slow)
    for (const _ of [1, 2]) {
      const doomed = site.startAgent()
      await begun(doomed, step)
      doomed.killAll()
      t.equal(await doomed.exited, 'SIGKILL')
    }

    const agent = site.startAgent()
    const job = await site.resultOf(certificate, agent)

    t.match(job, { status: 'Failed', error: /^INTERRUPTED/ })
    t.notOk(agent.lines.some((line) => line['step'] !== undefined))
    site.expectWarnings(t, agent, ['job failed', 'recovered'])
    await ended(t, agent)
    t.equal(new Set(await leavesOf(site.daemon)).size, 1)
  })
}

t.test('a job that crashes the agent after the commit is finished at the next start, and told', async (t) => {
  const certificate = await site.deploy(slow)
  const doomed = site.startAgent()
  await begun(doomed, 'check')
  doomed.killAll()
  t.equal(await doomed.exited, 'SIGKILL')

  const agent = site.startAgent()
  const job = await site.resultOf(certificate, agent)

  t.match(job, { status: 'Completed', outcome: { outcome: 'unchanged' } })
  t.match(
    agent.lines.find(({ msg }) => msg === 'recovered'),
    { did: 'finished' },
  )
  t.same([...new Set(await leavesOf(site.daemon))], [leafOf(job?.outcome)])
  await ended(t, agent)
})

/** Resolves when the step before is over; null: when the deployment begins. */
async function begun(agent: WaxsealProcess, before: string | null | undefined): Promise<void> {
  if (before === null) await agent.waitFor(({ msg }) => msg === 'job begins')
  if (before !== null) await agent.waitFor((line) => line['step'] === before)
}

async function ended(t: { equal(a: unknown, b: unknown): unknown }, agent: WaxsealProcess): Promise<void> {
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
}

function count(words: readonly string[], word: string): number {
  return words.filter((one) => one === word).length
}

function leafOf(outcome: unknown): string {
  return (outcome as { readonly certificate: { readonly sha256: string } }).certificate.sha256
}
