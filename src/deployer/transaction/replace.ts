import { commitAll } from '../../apply/commit.ts'
import { failureOf, runInOrder } from '../../apply/run-step.ts'
import { stageAll, unstageFiles } from '../../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { type JournalEntry, type JournalledDeployment, journalId } from '../../journal/journal.ts'
import { takeOver } from '../../journal/take-over.ts'
import type { Outcome } from '../../outcome/outcome.ts'
import type { Engine } from '../engine.ts'
import { checkWarnings } from './check-warnings.ts'
import { chainToServe, probeWarnings, verifyFailed } from './judge.ts'
import { lookForAll } from './look-for-all.ts'
import { openedAgain } from './look-twice.ts'
import { type Before, laterChecksOf, preflight } from './preflight.ts'
import type { Joined } from './preflight-beside.ts'
import { recordFor } from './recorded.ts'
import { rollBack } from './roll-back.ts'
import { settle } from './settle.ts'
import { type Member, once, step, type Transaction } from './transaction.ts'

/** Steps 5 to 12 for all members at once: one outcome each, in their order. */
export async function replace(members: Transaction, engine: Engine): Promise<readonly Outcome[]> {
  let before: Before
  let entry: JournalEntry
  try {
    before = await countAndLook(members, engine)
    entry = entryOf(members, before, engine)
    await stage(entry, members, engine)
  } catch (error) {
    return members.map(({ draft }) => draft.refuse(asWaxsealError(error)))
  }
  return makeLive(entry, before, members, engine)
}

/**
 * Nothing is asked of a daemon whose reloads are used up: LIMIT_EXCEEDED, the jobs wait. Else the count is written while it is asked. A
 * person may reload as often as he likes.
 */
async function countAndLook(members: Transaction, engine: Engine): Promise<Before> {
  const byJobs = members.filter(({ request }) => request.job !== undefined)
  const reloads = byJobs.flatMap(({ proposal }) => proposal.plan.activate)
  await engine.reloadRate.requireRoom(reloads)
  const counting = engine.reloadRate.count(reloads)
  counting.catch(() => {})
  const before = await preflight(members, engine)
  await counting
  return before
}

/** Steps 6 and 7. Throws with the host untouched. */
async function stage(entry: JournalEntry, members: Transaction, engine: Engine): Promise<void> {
  await step(members, engine, 'journal', () => takeOver(engine.journal, entry))
  try {
    await step(members, engine, 'stage', () => stageAll(members.map(changesOf)))
  } catch (error) {
    await unstage(entry, engine)
    throw error
  }
}

/** Steps 8 to 12, or the rollback. */
async function makeLive(
  entry: JournalEntry,
  before: Before,
  members: Transaction,
  engine: Engine,
): Promise<readonly Outcome[]> {
  try {
    await step(members, engine, 'commit', () => commitAll(entry.deployments))
    await check(entry, before, members, engine)
    await activate(entry, members, engine)
    await verify(entry, members, engine)
  } catch (error) {
    return await rollBack(entry, asWaxsealError(error), members, engine)
  }
  return await settle(entry, members, engine)
}

/** What cannot be removed stays in the journal: the next start removes it. */
async function unstage(entry: JournalEntry, engine: Engine): Promise<void> {
  try {
    for (const deployment of entry.deployments) await unstageFiles(deployment)
    await engine.journal.remove(journalId(entry))
  } catch {
    return
  }
}

const nothing: Member['proposal']['changes'] = { files: [], link: null }

function changesOf({ proposal, isLive }: Member): Member['proposal']['changes'] {
  return isLive ? nothing : proposal.changes
}

/** One look is enough only where it is for each daemon that is looked at. */
function agreeingLooksOf(
  { proposal: { plan } }: Member,
  joined: readonly Joined[],
): Pick<JournalledDeployment, 'agreeingLooks'> {
  const isOne = [plan, ...joined.map(({ service }) => service)].every(({ agreeingLooks }) => agreeingLooks === 1)
  return isOne ? { agreeingLooks: 1 } : {}
}

function entryOf(members: Transaction, { served, joined, others }: Before, engine: Engine): JournalEntry {
  const plans = members.map(({ proposal }) => proposal.plan)
  const deployments = members.map((member, index): JournalledDeployment => {
    const { connector, retry } = member.proposal.plan
    const { files, link } = changesOf(member)
    return {
      connector,
      target: member.request.target,
      files: files.map(({ contents: _, live: __, ...change }) => change),
      link,
      probes: served[index]?.probes ?? [],
      retry,
      oldLeaves: served[index]?.oldLeaves ?? [],
      before: served[index]?.before ?? [],
      newLeaf: member.proposal.material.leaf.sha256,
      newChain: chainToServe(member.proposal.material),
      ...agreeingLooksOf(member, joined[index] ?? []),
      record: recordFor(
        member.proposal,
        member.request,
        (joined[index] ?? []).map(({ service }) => service.service),
      ),
    }
  })
  const services = [...plans, ...joined.flat().map(({ service }) => service)]
  return {
    service: plans[0]?.service ?? '',
    begun: new Date(engine.clock.now()).toISOString(),
    phase: 'deploying',
    deployments,
    ...(others.length === 0 ? {} : { others }),
    checks: laterChecksOf(services),
    activate: once(services.flatMap(({ activate }) => activate)),
    recover: once(services.flatMap(({ recover }) => recover)),
  }
}

async function check({ checks }: JournalEntry, before: Before, members: Transaction, engine: Engine): Promise<void> {
  // Where every check has decided before, the step is told all the same: it has no command.
  if (checks.length === 0 && members.every(({ proposal }) => proposal.plan.check === null)) return
  await step(members, engine, 'check', async (commands) => {
    commands.push(...(await runInOrder(checks, engine.timeouts.checkMs)))
    for (const { draft, proposal } of members) {
      const { warnings, printed } = checkWarnings(commands, before.checks, proposal.plan)
      draft.warnings = [...draft.warnings, ...warnings]
      draft.printed = [...draft.printed, ...printed]
    }
    const failure = failureOf(commands, 'CHECK_FAILED')
    if (failure === null) return
    throw before.isBroken ? new WaxsealError('PREFLIGHT_FAILED', failure.details) : failure
  })
}

async function activate(entry: JournalEntry, members: Transaction, engine: Engine): Promise<void> {
  await step(members, engine, 'activate', async (commands) => {
    commands.push(...(await runInOrder(entry.activate, engine.timeouts.activateMs)))
    const failure = failureOf(commands, 'ACTIVATE_FAILED')
    if (failure !== null) throw failure
  })
}

async function verify(entry: JournalEntry, members: Transaction, engine: Engine): Promise<void> {
  await step(members, engine, 'verify', async (commands) => {
    const { ofMembers, failed, lost } = await lookForAll(entry, engine, commands)
    for (const [index, { draft }] of members.entries()) draft.probes = ofMembers[index] ?? []
    for (const { draft } of members) draft.warnings = [...draft.warnings, ...probeWarnings(draft.probes)]
    if (failed.length > 0) throw verifyFailed(failed)
    for (const { draft } of members) draft.warnings = [...draft.warnings, ...openedAgain(draft.probes, lost)]
  })
}
