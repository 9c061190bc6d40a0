import { runInOrder } from '../apply/run-step.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry } from '../journal/journal.ts'
import type { CommandFacts, Outcome, ProbeOutcome } from '../outcome/outcome.ts'
import { restoreFiles } from '../rollback/restore-files.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'
import type { OutcomeDraft } from './outcome-draft.ts'

/** Undoes a deployment that failed with `error`, and says whether the old leaf is proven to be served again. */
export async function rollBack(
  entry: JournalEntry,
  error: WaxsealError,
  engine: Engine,
  draft: OutcomeDraft,
): Promise<Outcome> {
  const undoing = await draft.run('rollback', (commands) => undo(entry, engine, commands))
  return draft.rolledBack(error, undoing, undoing === null ? remarkOn(entry) : '')
}

function remarkOn(entry: JournalEntry): string {
  if (entry.probes.length === 0)
    return 'The old files are back; the target names no endpoint to prove that they are served.'
  if (entry.oldLeaves.every((leaves) => leaves.length === 0))
    return 'The old files are back; nothing was served before.'
  const proven = entry.oldLeaves.filter((leaves) => leaves.length > 0).length
  return `The old files are back, and the old leaf was seen on ${proven} of ${entry.probes.length} probes.`
}

/**
 * Restores the files, has the daemon load them, and looks. Null: all is proven to be as before. The journal entry stays
 * until then, so that `waxseal recover` and the next start try again.
 */
export async function undo(
  entry: JournalEntry,
  engine: Engine,
  commands: CommandFacts[],
): Promise<WaxsealError | null> {
  try {
    await noteRollback(entry, engine)
    await restoreFiles(entry)
    for (const command of entry.recover) commands.push(...(await runInOrder([command], engine.timeouts.activateMs)))
    const unproven = await provenBack(entry, engine, commands)
    if (unproven !== null) return unproven
    await engine.journal.remove(entry.target)
    return null
  } catch (error) {
    const cause = asWaxsealError(error)
    return cause.code === 'ROLLBACK_FAILED' ? cause : new WaxsealError('ROLLBACK_FAILED', cause.details, { cause })
  }
}

/** The disk may be full: what the journal says already is enough to undo, so the rollback goes on. */
async function noteRollback(entry: JournalEntry, engine: Engine): Promise<void> {
  try {
    await engine.journal.put(entry.target, { ...entry, phase: 'rolling-back' })
  } catch {
    return
  }
}

async function provenBack(
  entry: JournalEntry,
  engine: Engine,
  commands: readonly CommandFacts[],
): Promise<WaxsealError | null> {
  const expectations = entry.probes.flatMap((probe, index) => {
    const leaves = entry.oldLeaves[index] ?? []
    return leaves.length === 0 ? [] : [{ probe, leaves }]
  })
  const probes = await verifyProbes({ expectations, retry: entry.retry, clock: engine.clock })
  const missing = probes.filter((probe) => !probe.ok)
  if (missing.length > 0) return new WaxsealError('ROLLBACK_FAILED', { probes: missing.map(describeProbe) })
  // Where nothing was served, a recover command that fails is what it was before, too: the daemon is not running.
  const failed = commands.find((ran) => ran.exitCode !== 0)
  if (entry.probes.length > 0 || failed === undefined) return null
  return new WaxsealError('ROLLBACK_FAILED', { command: failed.command.join(' '), exitCode: failed.exitCode })
}

function describeProbe({ protocol, address, error, seen }: ProbeOutcome): string {
  return `${protocol} ${address}: ${error ?? `serves ${seen}`}`
}
