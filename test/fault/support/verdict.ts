import type { Test } from 'tap'
import type { OperatorJob } from '../../../src/server/client/operator-client.ts'
import { leavesOf } from '../../support/deployment.ts'
import type { FakedSite, RunningAgent } from './faked-site.ts'

const final = ['Completed', 'Failed']

/** Lets time flow until the control plane knows a final state of so many deployments, and the agent has nothing left to do. */
export async function allFinal(site: FakedSite, agent: RunningAgent, deployments: number): Promise<void> {
  await site.time.until(async () => {
    if (!(await agent.isIdle())) return false
    const ended = (await deploymentsOf(site)).filter(({ status }) => final.includes(status))
    return ended.length === deployments
  })
}

/** The deployment jobs, newest first, with their outcomes. */
export async function deploymentsOf({ operator }: FakedSite): Promise<readonly OperatorJob[]> {
  const jobs = (await operator.jobs()).filter(({ type }) => type === 'Deployment')
  return Promise.all(jobs.map(({ id }) => operator.job(id)))
}

/**
 * Every job has one final state, which the agent never contradicted; the leaf of the newest deployment (or the oldest) is
 * served; files were written and the daemon reloaded `deployed` times; nothing is left to send, and no warning came but
 * the announced.
 */
export async function expectOneFinalStateEach(
  t: Test,
  site: FakedSite,
  agent: RunningAgent,
  expected: { readonly deployed: number; readonly warnings?: readonly string[]; readonly served?: 'newest' | 'oldest' },
): Promise<void> {
  const jobs = await site.operator.jobs()
  const deployments = await deploymentsOf(site)
  const said = statesSaid(site)
  t.same(
    jobs.filter(({ status }) => !final.includes(status)),
    [],
    'every job has a final state',
  )
  for (const { id, status } of deployments) t.same(said.get(id), [status], 'the agent said one final state')
  const live = deployments.at(expected.served === 'oldest' ? -1 : 0)
  t.same(
    await leavesOf(site.daemon),
    site.daemon.ports.map(() => leafOf(live)),
  )
  t.equal((await site.outcomes()).filter((outcome) => outcome === 'deployed').length, expected.deployed, 'deployed')
  t.equal(await site.reloads(), expected.deployed, 'reloaded')
  t.equal(await agent.deadLetters(), 0, 'no dead letter')
  t.same(warningsOf(site), (expected.warnings ?? []).toSorted(), 'only announced warnings')
}

/** The messages of the log's warnings and errors, each once. */
export function warningsOf({ lines }: FakedSite): readonly string[] {
  const warned = lines.filter(({ level }) => Number(level) >= 40)
  return [...new Set(warned.map(({ msg }) => String(msg)))].toSorted()
}

/** The final states that the agent sent for each job, each once. */
function statesSaid({ line }: FakedSite): ReadonlyMap<string, readonly string[]> {
  const said = new Map<string, readonly string[]>()
  for (const { path, body } of line.passed) {
    const job = /\/jobs\/([^/]+)\/status$/.exec(path)?.[1]
    const { status } = job === undefined ? { status: '' } : (JSON.parse(body) as { readonly status: string })
    if (job !== undefined && final.includes(status)) said.set(job, [...new Set([...(said.get(job) ?? []), status])])
  }
  return said
}

function leafOf(job: OperatorJob | undefined): string {
  const outcome = job?.outcome as { readonly certificate?: { readonly sha256: string } } | null | undefined
  return outcome?.certificate?.sha256 ?? 'no outcome'
}
