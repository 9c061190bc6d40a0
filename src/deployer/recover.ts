import { dirname } from 'node:path'
import { dropOldFiles } from '../apply/commit.ts'
import { runInOrder } from '../apply/run-step.ts'
import { unstageFiles } from '../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { resolveFolder } from '../host/policy-host.ts'
import type { JournalEntry, JournalledDeployment } from '../journal/journal.ts'
import { isBelowRoots } from '../policy/policy.ts'
import { hasCommitBegun, isCommitted } from '../rollback/how-far.ts'
import { SharedLooks } from '../verify/shared-looks.ts'
import type { Engine } from './engine.ts'
import { failedProbes } from './transaction/judge.ts'
import { lookForNew } from './transaction/look-for.ts'
import { lookForOthers } from './transaction/look-for-others.ts'
import { recordDeployment } from './transaction/recorded.ts'
import { undo } from './transaction/roll-back.ts'

/** What recovery did with one interrupted deployment. */
export interface Recovered {
  readonly target: string
  readonly did: 'nothing was committed' | 'cleaned up' | 'finished' | 'put back' | 'could not put back' | 'set aside'
  readonly error: WaxsealError | null
}

/**
 * Start-up recovery: every transaction in the journal is cleaned up, finished or undone; one that cannot be does not stop
 * the next. One line per target. Needs no control plane.
 */
export async function recover(engine: Engine): Promise<readonly Recovered[]> {
  return engine.turns.take(async () => {
    const recovered: Recovered[] = []
    for (const { id, document } of await engine.journal.list()) {
      const { did, error } = await tryRecoverEntry(id, document, engine)
      recovered.push(...document.deployments.map(({ target }) => ({ target, did, error })))
    }
    return recovered
  })
}

/** Recovers one entry. Never throws: what went wrong is in the result. */
export async function tryRecoverEntry(
  id: string,
  entry: JournalEntry,
  engine: Engine,
): Promise<Omit<Recovered, 'target'>> {
  return recoverEntry(id, entry, engine).catch((cause: unknown) => ({
    did: 'could not put back',
    error: asWaxsealError(cause),
  }))
}

/** Recovers one entry. May be repeated: a crash during recovery is recovered from. */
export async function recoverEntry(
  id: string,
  entry: JournalEntry,
  engine: Engine,
): Promise<Omit<Recovered, 'target'>> {
  const { deployments } = entry
  if (!(await all(deployments, (one) => isAllowed(one, engine.policy.roots)))) {
    await engine.journal.putAside(id)
    const paths = deployments.flatMap(({ files }) => files.map(({ destination }) => destination))
    return { did: 'set aside', error: new WaxsealError('PATH_NOT_ALLOWED', { paths, setting: 'policy.roots' }) }
  }
  if (entry.phase === 'settling') {
    await dropAll(id, entry, engine)
    return { did: 'cleaned up', error: null }
  }
  if (entry.phase === 'deploying' && !(await hasAnyBegun(entry))) {
    for (const deployment of deployments) await unstageFiles(deployment)
    await engine.journal.remove(id)
    return { did: 'nothing was committed', error: null }
  }
  if (entry.phase === 'deploying' && (await all(deployments, isCommitted)) && (await finish(entry, engine))) {
    await dropAll(id, entry, engine)
    return { did: 'finished', error: null }
  }
  const error = await undo(entry, engine, [])
  return { did: error === null ? 'put back' : 'could not put back', error }
}

async function dropAll(id: string, { deployments }: JournalEntry, engine: Engine): Promise<void> {
  for (const deployment of deployments) await dropOldFiles(deployment)
  await engine.journal.remove(id)
}

/** Whether a commit of any of its deployments has begun. */
export async function hasAnyBegun({ deployments }: JournalEntry): Promise<boolean> {
  return !(await all(deployments, async (deployment) => !(await hasCommitBegun(deployment))))
}

async function all<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (!(await holds(item))) return false
  return true
}

/** A journal is acted on within the policy's roots only, and only in folders that are still where they were. */
async function isAllowed({ files, link }: JournalledDeployment, roots: readonly string[]): Promise<boolean> {
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

/** Steps 9 to 11 once more, and the record: all files are the new ones, and only the daemon may not have loaded them. */
async function finish(entry: JournalEntry, engine: Engine): Promise<boolean> {
  const ran = await runInOrder([...entry.checks, ...entry.activate], engine.timeouts.activateMs)
  if (ran.some((command) => command.exitCode !== 0)) return false
  const shared = new SharedLooks()
  const seen = await Promise.all(entry.deployments.map((deployment) => lookForNew(deployment, engine, shared)))
  if (failedProbes([...seen.flat(), ...(await lookForOthers(entry, engine, shared))]).length > 0) return false
  for (const [index, deployment] of entry.deployments.entries())
    await recordDeployment(entry.service, deployment, seen[index] ?? [], engine)
  return true
}
