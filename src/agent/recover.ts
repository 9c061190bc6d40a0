import { dirname } from 'node:path'
import { dropOldFiles } from '../apply/commit.ts'
import { runInOrder } from '../apply/run-step.ts'
import { unstageFiles } from '../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { resolveFolder } from '../host/policy-host.ts'
import type { JournalEntry } from '../journal/journal.ts'
import { isBelowRoots } from '../policy/policy.ts'
import { hasCommitBegun, isCommitted } from '../rollback/restore-files.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'
import { undo } from './roll-back.ts'

/** What recovery did with one interrupted deployment. */
export interface Recovered {
  readonly target: string
  readonly did: 'nothing was committed' | 'cleaned up' | 'finished' | 'put back' | 'could not put back' | 'set aside'
  readonly error: WaxsealError | null
}

/** Start-up recovery: every deployment in the journal is cleaned up, finished or undone; one that cannot be does not stop the next. Needs no control plane. */
export async function recover(engine: Engine): Promise<readonly Recovered[]> {
  return engine.turns.take(async () => {
    const recovered: Recovered[] = []
    for (const { id, document } of await engine.journal.list()) {
      const { target } = document
      const failed = (error: unknown): Recovered => ({
        target,
        did: 'could not put back',
        error: asWaxsealError(error),
      })
      recovered.push(await recoverEntry(id, document, engine).catch(failed))
    }
    return recovered
  })
}

/** Recovers one entry. May be repeated: a crash during recovery is recovered from. */
export async function recoverEntry(id: string, entry: JournalEntry, engine: Engine): Promise<Recovered> {
  const { target } = entry
  if (!(await isAllowed(entry, engine.policy.roots))) {
    await engine.journal.putAside(id)
    const paths = entry.files.map(({ destination }) => destination)
    return { target, did: 'set aside', error: new WaxsealError('PATH_NOT_ALLOWED', { paths, setting: 'policy.roots' }) }
  }
  if (entry.phase === 'settling') {
    await dropOldFiles(entry)
    await engine.journal.remove(id)
    return { target, did: 'cleaned up', error: null }
  }
  if (entry.phase === 'deploying' && !(await hasCommitBegun(entry))) {
    await unstageFiles(entry)
    await engine.journal.remove(id)
    return { target, did: 'nothing was committed', error: null }
  }
  if (entry.phase === 'deploying' && (await isCommitted(entry)) && (await isFinished(entry, engine))) {
    await dropOldFiles(entry)
    await engine.journal.remove(id)
    return { target, did: 'finished', error: null }
  }
  const error = await undo(entry, engine, [])
  return { target, did: error === null ? 'put back' : 'could not put back', error }
}

/** A journal is acted on within the policy's roots only, and only in folders that are still where they were. */
async function isAllowed({ files, link }: JournalEntry, roots: readonly string[]): Promise<boolean> {
  const names = files.flatMap(({ destination, staged, kept }) => [destination, staged, kept])
  const linkNames = link === null ? [] : [link.link, link.staged, link.folder]
  for (const name of [...names, ...linkNames]) {
    const folder = dirname(name)
    if ((await resolveFolder(folder)) !== folder || !(await isBelowRoots(name, roots))) return false
  }
  const isBeside = files.every(
    ({ destination, staged, kept }) =>
      dirname(staged) === dirname(destination) && dirname(kept) === dirname(destination),
  )
  return isBeside && (link === null || link.folder === `${dirname(link.link)}/${link.after}`)
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
