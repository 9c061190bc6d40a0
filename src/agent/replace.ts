import { commitFiles } from '../apply/commit.ts'
import type { PreparedChanges } from '../apply/prepare-changes.ts'
import { failureOf, runInOrder } from '../apply/run-step.ts'
import { stageFiles, unstageFiles } from '../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry } from '../journal/journal.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'
import type { OutcomeDraft } from './outcome-draft.ts'
import { type Before, preflight } from './preflight.ts'
import type { DeployRequest, Proposal } from './propose.ts'
import { rollBack } from './roll-back.ts'
import { settle } from './settle.ts'

/** A deployment that has something to do. */
export interface Replacement {
  readonly request: DeployRequest
  readonly proposal: Proposal
  /** All files are there already, and only their activation and verification are not on record. */
  readonly isLive: boolean
}

const nothing: PreparedChanges = { files: [], link: null }

/** Steps 5 to 12. Throws only while nothing was touched. */
export async function replace(replacement: Replacement, engine: Engine, draft: OutcomeDraft): Promise<Outcome> {
  const { proposal, isLive } = replacement
  const changes = isLive ? nothing : proposal.changes
  const before = await preflight(proposal, engine, draft)
  const entry = entryOf(replacement, changes, before, engine)
  await draft.run('journal', () => engine.journal.put(entry.target, entry))
  try {
    await draft.run('stage', () => stageFiles(changes))
  } catch (error) {
    await unstage(entry, engine)
    throw error
  }
  try {
    await draft.run('commit', () => commitFiles(changes))
    await check(entry, before.isBroken, engine, draft)
    await activate(entry, engine, draft)
    await verify(entry, engine, draft)
  } catch (error) {
    return await rollBack(entry, asWaxsealError(error), engine, draft)
  }
  return await settle(entry, replacement, engine, draft)
}

/** What cannot be removed stays in the journal: the next start removes it. */
async function unstage(entry: JournalEntry, engine: Engine): Promise<void> {
  try {
    await unstageFiles(entry)
    await engine.journal.remove(entry.target)
  } catch {
    return
  }
}

function entryOf(
  { request, proposal }: Replacement,
  { files, link }: PreparedChanges,
  { probes, oldLeaves }: Before,
  engine: Engine,
): JournalEntry {
  const { connector, service, check: command, activate: commands, recover, retry } = proposal.plan
  return {
    connector,
    service,
    target: request.target,
    begun: new Date(engine.clock.now()).toISOString(),
    phase: 'deploying',
    files: files.map(({ contents: _, live: __, ...change }) => change),
    link,
    check: command,
    activate: commands,
    recover,
    probes,
    retry,
    oldLeaves,
    newLeaf: proposal.material.leaf.sha256,
  }
}

async function check(entry: JournalEntry, isBroken: boolean, engine: Engine, draft: OutcomeDraft): Promise<void> {
  const { check: command } = entry
  if (command === null) return
  await draft.run('check', async (commands) => {
    commands.push(...(await runInOrder([command], engine.timeouts.checkMs)))
    const failure = failureOf(commands, 'CHECK_FAILED')
    if (failure === null) return
    throw isBroken ? new WaxsealError('PREFLIGHT_FAILED', failure.details) : failure
  })
}

async function activate(entry: JournalEntry, engine: Engine, draft: OutcomeDraft): Promise<void> {
  await draft.run('activate', async (commands) => {
    commands.push(...(await runInOrder(entry.activate, engine.timeouts.activateMs)))
    const failure = failureOf(commands, 'ACTIVATE_FAILED')
    if (failure !== null) throw failure
  })
}

async function verify(entry: JournalEntry, engine: Engine, draft: OutcomeDraft): Promise<void> {
  await draft.run('verify', async () => {
    draft.probes = await verifyProbes({
      expectations: entry.probes.map((probe) => ({ probe, leaves: [entry.newLeaf] })),
      retry: entry.retry,
      clock: engine.clock,
    })
    const failed = draft.probes.filter((probe) => !probe.ok)
    if (failed.length === 0) return
    throw new WaxsealError('VERIFY_FAILED', {
      expected: entry.newLeaf,
      probes: failed.map((probe) => `${probe.protocol} ${probe.address}: ${probe.error ?? `serves ${probe.seen}`}`),
    })
  })
}
