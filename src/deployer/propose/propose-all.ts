import type { HostView } from '../../connector/host-view.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { type DeploymentRecord, isRecordProven } from '../../journal/deployment-record.ts'
import type { JournalledDeployment } from '../../journal/journal.ts'
import type { ChangeSet } from '../../plan/change-set.ts'
import type { Engine } from '../engine.ts'
import { inParallel } from '../in-parallel.ts'
import { hasAnyBegun, recoverEntry } from '../recover.ts'
import { adoptRecord, recordOf } from '../transaction/recorded.ts'
import type { Deployment, Member, Transaction } from '../transaction/transaction.ts'
import { type AskedOnce, askOnce } from './ask-once.ts'
import { findBeside } from './find-beside.ts'
import { isAllInPlace, type Proposal, propose } from './propose.ts'
import type { RunningDaemon } from './running-daemons.ts'

/** More in one transaction would make its journal, and what a failure undoes, too large. */
const mostMembers = 100

/** Each waits for files and DNS above all. */
const mostAtOnce = 8

/** What can be done at the same time, and what has to wait for that. */
export interface Proposals {
  readonly transactions: readonly Transaction[]
  /** To a target or a file of an earlier one, or too many for one transaction. In their order. */
  readonly later: readonly Deployment[]
}

/** The daemons that run, through this view of the host. */
export type AskRunning = (hostView: HostView) => Promise<readonly RunningDaemon[]>

/**
 * Steps 1 to 4 of each, side by side, no two of one target. What is refused, or there already, ends here and holds back no other.
 * `running` is asked as soon as one has its material.
 */
export async function proposeAll(
  waiting: readonly Deployment[],
  running: AskRunning,
  engine: Engine,
): Promise<Proposals> {
  const { hostView, forget } = askOnce(engine.hostView)
  const asking: Asking = { ...engine, hostView, forget }
  const services = new Map<string, Member[]>()
  const later: Deployment[] = []
  const taken = new Set<string>()
  // What was cut off is settled by the first that it concerns, which reads the host only then.
  const limit = (await engine.journal.list()).length === 0 ? mostAtOnce : 1
  for (let left = waiting; left.length > 0; ) {
    const { wave, rest, held } = nextWave(left, taken)
    left = rest
    later.push(...held)
    const members = new Map<Deployment, Member | null>()
    await inParallel(wave, limit, async (deployment) => {
      members.set(deployment, await proposeOne(deployment, running, asking))
    })
    for (const deployment of wave) {
      const member = members.get(deployment) ?? null
      if (member === null) continue
      const keys = [targetOf(deployment), ...pathsOf(member.proposal.changes)]
      const isTaken = keys.some((key) => taken.has(key))
      if (isTaken || !join(member, services)) later.push(deployment)
      for (const key of keys) taken.add(key)
    }
  }
  later.sort((one, other) => waiting.indexOf(one) - waiting.indexOf(other))
  const { groups, rest } = await connected([...services.values()])
  return { transactions: groups, later: [...later, ...rest] }
}

interface Wave {
  /** No two of one target. */
  readonly wave: readonly Deployment[]
  /** To a target that is taken. */
  readonly held: readonly Deployment[]
  readonly rest: readonly Deployment[]
}

/** Up to the second one of a target of which it is not known yet whether the first takes it: nothing overtakes that. */
function nextWave(left: readonly Deployment[], taken: ReadonlySet<string>): Wave {
  const targets = left.map(targetOf)
  const end = targets.findIndex((target, index) => !taken.has(target) && targets.indexOf(target) < index)
  const reached = end === -1 ? left : left.slice(0, end)
  return {
    wave: reached.filter((deployment) => !taken.has(targetOf(deployment))),
    held: reached.filter((deployment) => taken.has(targetOf(deployment))),
    rest: left.slice(reached.length),
  }
}

function targetOf({ request }: Deployment): string {
  return `target ${request.target}`
}

interface Connected {
  readonly services: readonly string[]
  readonly members: Transaction
}

/** Services that share a file are one transaction. A single one need not be asked what it shares. */
async function connected(
  groups: readonly Transaction[],
): Promise<{ readonly groups: readonly Transaction[]; readonly rest: readonly Deployment[] }> {
  if (groups.length < 2) return { groups, rest: [] }
  let joined: readonly Connected[] = []
  for (const members of groups) {
    const beside = await Promise.all(members.map((member) => member.beside()))
    const others = beside.flatMap(({ services }) => services.map(({ service }) => service))
    const own = { services: [...members.map(({ proposal }) => proposal.plan.service), ...others], members }
    const touching = joined.filter(({ services }) => services.some((service) => own.services.includes(service)))
    const all = [...touching, own]
    const merged = {
      services: all.flatMap(({ services }) => services),
      members: all.flatMap((group) => group.members),
    }
    joined = [...joined.filter((group) => !touching.includes(group)), merged]
  }
  return {
    groups: joined.map(({ members }) => members.slice(0, mostMembers)),
    rest: joined.flatMap(({ members }) => members.slice(mostMembers)),
  }
}

/** False: its transaction is full. A second one of the same service may not run beside it. */
function join(member: Member, services: Map<string, Member[]>): boolean {
  const { service } = member.proposal.plan
  const members = services.get(service) ?? []
  if (members.length >= mostMembers) return false
  services.set(service, [...members, member])
  return true
}

/** An engine whose host view remembers while nothing is changed. */
interface Asking extends Engine, Pick<AskedOnce, 'forget'> {}

/** Null: it has ended. */
async function proposeOne(deployment: Deployment, running: AskRunning, engine: Asking): Promise<Member | null> {
  const { request, draft, end } = deployment
  draft.probes = []
  try {
    await finishEarlier((earlier) => earlier.target === request.target, engine)
    const { hostView } = engine
    // Beside the plan: most of both is the settings of daemons.
    let proposal = await propose(request, engine, draft, () => void running(hostView))
    const paths = pathsOf(proposal.changes)
    if (await finishEarlier((earlier) => pathsOf(earlier).some((path) => paths.includes(path)), engine))
      proposal = await propose(request, engine, draft)
    draft.changing(proposal.changes.files)
    const isLive = isAllInPlace(proposal)
    const earlier = async (): Promise<DeploymentRecord | null> =>
      (await recordOf(request.target, proposal, engine)) ?? (await adoptRecord(request, proposal, engine))
    const record = await draft.run('unchanged', async () => (isLive ? earlier() : null))
    if (record === null) {
      const asking = running(hostView).then((daemons) => findBeside(proposal, daemons, engine))
      asking.catch(() => {})
      return { ...deployment, proposal, isLive, beside: () => asking }
    }
    await end(draft.succeed('unchanged', sameAs(record), isRecordProven(record)))
  } catch (error) {
    await end(draft.refuse(asWaxsealError(error)))
  }
  return null
}

function sameAs(record: DeploymentRecord): string {
  return isRecordProven(record)
    ? 'The same files are there, activated and verified by an earlier deployment.'
    : 'The same files are there, activated by an earlier deployment, but unproven: no listener showed the leaf.'
}

/** What was cut off is settled first: its kept files must not be orphaned. Returns whether there was any. */
async function finishEarlier(concerns: (earlier: JournalledDeployment) => boolean, engine: Asking): Promise<boolean> {
  const left = (await engine.journal.list()).filter(({ document }) => document.deployments.some(concerns))
  for (const { id, document } of left) {
    const { error } = await recoverEntry(id, document, engine).finally(engine.forget)
    if (error !== null && (await hasAnyBegun(document))) {
      const targets = document.deployments.map(({ target }) => target)
      throw new WaxsealError('ROLLBACK_FAILED', { ...error.details, target: targets.join(', ') }, { cause: error })
    }
  }
  return left.length > 0
}

function pathsOf({ files, link }: Pick<Proposal['changes'], 'link'> & Pick<ChangeSet, 'files'>): readonly string[] {
  return link === null ? files.map(({ destination }) => destination) : [link.link]
}
