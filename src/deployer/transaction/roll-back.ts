import { runInOrder } from '../../apply/run-step.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { type JournalEntry, type JournalledDeployment, journalId } from '../../journal/journal.ts'
import type { CommandFacts, Outcome, ProbeOutcome } from '../../outcome/outcome.ts'
import { isUncommitted } from '../../rollback/how-far.ts'
import { restoreFiles } from '../../rollback/restore-files.ts'
import { SharedLooks } from '../../verify/shared-looks.ts'
import type { AllowedToday } from '../allowed-today.ts'
import type { Engine } from '../engine.ts'
import { lookForOld } from './look-for.ts'
import { lookTwice } from './look-twice.ts'
import { step, type Transaction } from './transaction.ts'

/** Undoes a transaction that failed with `error`, and says whether the old leaves are proven to be served again. */
export async function rollBack(
  entry: JournalEntry,
  error: WaxsealError,
  members: Transaction,
  engine: Engine,
): Promise<readonly Outcome[]> {
  // Where the check refused before and behind the commit, no daemon was told of the new files.
  const isUntold = error.code === 'PREFLIGHT_FAILED'
  const wasReplaced = await isAnyReplaced(entry)
  const undoing = await step(members, engine, 'rollback', (commands) => undo(entry, engine, commands, { isUntold }))
  return members.map(({ draft }, index) => {
    const deployment = entry.deployments[index]
    if (undoing !== null || deployment === undefined) return draft.rolledBack(error, undoing, '')
    return draft.rolledBack(error, null, wasReplaced ? remarkOn(deployment) : 'No file was replaced.')
  })
}

function remarkOn({ probes, oldLeaves }: JournalledDeployment): string {
  if (probes.length === 0) return 'The old files are back; the target names no endpoint to prove that they are served.'
  if (oldLeaves.every((leaves) => leaves.length === 0)) return 'The old files are back; nothing was served before.'
  const proven = oldLeaves.filter((leaves) => leaves.length > 0).length
  return `The old files are back, and the old leaf was seen on ${proven} of ${probes.length} probes.`
}

/** How a transaction is undone. */
export interface Undoing {
  /** No daemon was told of the new files, and its configuration was broken before: that it refuses to load the old ones, too, is as before. */
  readonly isUntold?: boolean
  /** Which commands may be run and which addresses asked; left out: all of the entry. */
  readonly today?: AllowedToday
  /** Once it aborts no command begins, and no look. */
  readonly signal?: AbortSignal
}

/**
 * Restores the files, has the daemon load them, and looks. Null: all is proven to be as before. The journal entry stays
 * until then, so that `waxseal recover` and the next start try again.
 */
export async function undo(
  entry: JournalEntry,
  engine: Engine,
  commands: CommandFacts[],
  { isUntold = false, today = { entry, refused: [] }, signal }: Undoing = {},
): Promise<WaxsealError | null> {
  try {
    const wasReplaced = await isAnyReplaced(entry)
    await noteRollback(entry, engine)
    await restoreAll(entry)
    if (!wasReplaced) {
      await engine.journal.remove(journalId(entry))
      return null
    }
    const seen = await loadAndLook(today.entry, engine, commands, signal)
    const isCutShort =
      today.entry.recover.length < entry.recover.length || countProbes(today.entry) < countProbes(entry)
    const unproven = provenBack(today, isCutShort, seen, isUntold ? [] : commands)
    if (unproven !== null) return unproven
    await engine.journal.remove(journalId(entry))
    return null
  } catch (error) {
    const cause = asWaxsealError(error)
    return cause.code === 'ROLLBACK_FAILED' ? cause : new WaxsealError('ROLLBACK_FAILED', cause.details, { cause })
  }
}

/** False: not one file was moved in, so that no daemon can have read a new one, and there is nothing to load again. */
async function isAnyReplaced(entry: JournalEntry): Promise<boolean> {
  // Where it cannot be looked at, as behind a link, the rollback will say so.
  return lookWhetherReplaced(entry).catch(() => true)
}

async function lookWhetherReplaced({ phase, deployments }: JournalEntry): Promise<boolean> {
  const changed = deployments.filter(({ files, link }) => files.length > 0 || link !== null)
  if (phase !== 'deploying' || changed.length === 0) return true
  for (const deployment of changed) if (!(await isUncommitted(deployment))) return true
  return false
}

/** The disk may be full: what the journal says already is enough to undo, so the rollback goes on. */
async function noteRollback(entry: JournalEntry, engine: Engine): Promise<void> {
  try {
    await engine.journal.put(journalId(entry), { ...entry, phase: 'rolling-back' })
  } catch {
    return
  }
}

/** Goes on after a failure: what can be put back of the other targets is. */
async function restoreAll({ deployments }: JournalEntry): Promise<void> {
  const failures: unknown[] = []
  for (const deployment of deployments) {
    await restoreFiles(deployment).catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

function countProbes({ deployments }: JournalEntry): number {
  return deployments.reduce((count, { probes }) => count + probes.length, 0)
}

/** Has the old files loaded, and looks at each target. */
async function loadAndLook(
  entry: JournalEntry,
  engine: Engine,
  commands: CommandFacts[],
  signal: AbortSignal | undefined,
): Promise<readonly (readonly ProbeOutcome[])[]> {
  const load = async (): Promise<boolean> => {
    const ran: CommandFacts[] = []
    for (const command of entry.recover) ran.push(...(await runInOrder([command], engine.timeouts.activateMs, signal)))
    commands.push(...ran)
    return ran.length > 0 && ran.every(({ exitCode }) => exitCode === 0)
  }
  const look = (until: AbortSignal | undefined): Promise<readonly (readonly ProbeOutcome[])[]> => {
    const shared = new SharedLooks()
    return Promise.all(entry.deployments.map((deployment) => lookForOld(deployment, engine, shared, until)))
  }
  await load()
  return (await lookTwice({ look, failedOf: missingOf, load, signal })).seen
}

function missingOf(seen: readonly (readonly ProbeOutcome[])[]): readonly ProbeOutcome[] {
  return seen.flat().filter(({ ok }) => !ok)
}

/** `isCutShort`: not all that would load the old files may be run, or not all ports may be asked. */
function provenBack(
  { entry: { deployments }, refused }: AllowedToday,
  isCutShort: boolean,
  seen: readonly (readonly ProbeOutcome[])[],
  commands: readonly CommandFacts[],
): WaxsealError | null {
  const missing = missingOf(seen)
  if (missing.length > 0) return new WaxsealError('ROLLBACK_FAILED', { probes: missing.map(describeProbe) })
  // What was not run may be what loads the old files: they have to be seen on each port.
  const isSeen = deployments.every(({ probes }) => probes.length > 0) && seen.every((probes) => probes.length > 0)
  if (isCutShort && !isSeen) return new WaxsealError('ROLLBACK_FAILED', { notAllowed: refused })
  // Where nothing was served, a recover command that fails is what it was before, too: the daemon is not running.
  const failed = commands.find((ran) => ran.exitCode !== 0)
  if (deployments.some(({ probes }) => probes.length > 0) || failed === undefined) return null
  return new WaxsealError('ROLLBACK_FAILED', { command: failed.command.join(' '), exitCode: failed.exitCode })
}

function describeProbe({ protocol, address, error, seen }: ProbeOutcome): string {
  return `${protocol} ${address}: ${error ?? `serves ${seen}`}`
}
