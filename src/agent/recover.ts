import { dropKeptFiles } from '../apply/commit.ts'
import { runInOrder } from '../apply/run-step.ts'
import { unstageFiles } from '../apply/stage.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry } from '../journal/journal.ts'
import { hasCommitBegun, isCommitted } from '../rollback/restore-files.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'
import { undo } from './roll-back.ts'

/** What recovery did with one interrupted deployment. */
export interface Recovered {
  readonly target: string
  readonly did: 'nothing was committed' | 'cleaned up' | 'finished' | 'put back' | 'could not put back'
  readonly error: WaxsealError | null
}

/** Start-up recovery: every deployment in the journal is cleaned up or undone. Needs no control plane. */
export async function recover(engine: Engine): Promise<readonly Recovered[]> {
  const recovered: Recovered[] = []
  for (const { id, document } of await engine.journal.list()) recovered.push(await recoverEntry(id, document, engine))
  return recovered
}

/** Recovers one entry. May be repeated: a crash during recovery is recovered from. */
export async function recoverEntry(id: string, entry: JournalEntry, engine: Engine): Promise<Recovered> {
  if (entry.phase === 'settling') {
    await dropKeptFiles(entry.files)
    await engine.journal.remove(id)
    return { target: entry.target, did: 'cleaned up', error: null }
  }
  if (entry.phase === 'deploying' && !(await hasCommitBegun(entry.files))) {
    await unstageFiles(entry.files)
    await engine.journal.remove(id)
    return { target: entry.target, did: 'nothing was committed', error: null }
  }
  if (entry.phase === 'deploying' && (await isCommitted(entry.files)) && (await isFinished(entry, engine))) {
    await dropKeptFiles(entry.files)
    await engine.journal.remove(id)
    return { target: entry.target, did: 'finished', error: null }
  }
  const error = await undo(entry, engine, [])
  return { target: entry.target, did: error === null ? 'put back' : 'could not put back', error }
}

/** Steps 9 to 11 once more: all files are the new ones, and only the daemon may not have loaded them. */
async function isFinished(entry: JournalEntry, engine: Engine): Promise<boolean> {
  const commands = entry.check === null ? entry.activate : [entry.check, ...entry.activate]
  const ran = await runInOrder(commands, engine.timeouts.activateMs)
  if (ran.some((command) => command.exitCode !== 0)) return false
  const expectations = entry.probes.map((probe) => ({ probe, leaves: [entry.newLeaf] }))
  const probes = await verifyProbes({ expectations, retry: entry.retry, clock: engine.clock })
  return probes.every((probe) => probe.ok)
}
