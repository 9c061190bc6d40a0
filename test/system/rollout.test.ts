import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { leavesOf } from '../support/deployment.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { runWaxseal } from '../support/run-waxseal.ts'
import { deploymentsOf, startSite } from '../support/site.ts'
import { until } from '../support/until.ts'

const site = await startSite()
t.teardown(() => site.close())

t.test(
  'a roll-out renews on a real host, goes back to the version before, and stops by what the host says',
  async (t) => {
    const agent = site.startAgent()
    const certificate = await site.request()
    await reported(agent)
    const first = await servedNow()

    t.match(await operate('rollout', 'start', 'one', '--action', 'renew', '--all'), { status: 0 })
    await reported(agent)
    t.match(
      (await deploymentsOf(site, certificate)).map(({ outcome }) => outcome?.outcome),
      ['deployed', 'deployed'],
    )
    const second = await servedNow()
    t.notSame(second, first)
    await until(async () => (await site.operator.rollout('one')).state === 'done')
    t.match((await site.operator.rollout('one')).waves, [{ hosts: 1, proven: 1, failed: 0 }])

    t.match(await operate('rollout', 'take-back', 'one'), { status: 0 })
    await reported(agent)
    t.same(await servedNow(), first, 'the version before, of one and the same certificate')
    await until(async () => (await site.operator.rollout('one')).state === 'taken-back')
    t.match((await site.operator.rolloutTargets('one')).rows, [{ take_back_status: 'Completed' }])

    const file = join(site.dir, 'waxseal.yaml')
    const config = JSON.parse(await readFile(file, 'utf8')) as { readonly policy: object }
    await writeFile(file, JSON.stringify({ ...config, policy: { ...config.policy, roots: [join(site.dir, 'other')] } }))
    t.match(await operate('rollout', 'start', 'two', '--action', 'renew', '--all'), { status: 0 })
    await reported(agent)
    t.match(await site.operator.rollout('two'), { state: 'stopped', reason: '1 of its hosts failed; it stops at 1' })
    t.match((await operate('rollout', 'show', 'two')).stdout, /^\S+ +postfix +1 +failed +job-\w+ +- +PATH_NOT_ALLOWED/m)
    t.same(await servedNow(), first)
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

function operate(...args: readonly string[]) {
  return runWaxseal(['control-plane', ...args, '--data-dir', join(site.dir, 'control-plane')])
}

async function servedNow(): Promise<readonly string[]> {
  return [...new Set(await leavesOf(site.daemon))].map(String)
}

/** Resolves when the final result of a job has been acknowledged. */
async function reported(agent: WaxsealProcess): Promise<void> {
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
}
