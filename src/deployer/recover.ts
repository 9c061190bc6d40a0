import { dirname, normalize } from 'node:path'
import { dropOldFiles } from '../apply/commit.ts'
import { runInOrder } from '../apply/run-step.ts'
import { unstageFiles } from '../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry, JournalledDeployment } from '../journal/journal.ts'
import { limits } from '../limit/limits.ts'
import { isBelowRoots } from '../policy/policy.ts'
import { hasCommitBegun, isCommitted } from '../rollback/how-far.ts'
import { allowedToday } from './allowed-today.ts'
import type { Engine } from './engine.ts'
import { inParallel } from './in-parallel.ts'
import { lookForAll } from './transaction/look-for-all.ts'
import { recordDeployment } from './transaction/recorded.ts'
import { undo } from './transaction/roll-back.ts'

/** What recovery did with one interrupted deployment. */
export interface Recovered {
  readonly target: string
  readonly did: 'nothing was committed' | 'cleaned up' | 'finished' | 'put back' | 'could not put back' | 'set aside'
  readonly error: WaxsealError | null
  /** Commands and addresses of the journal that today's policy does not allow: they were not run, and not asked. */
  readonly notAllowed?: readonly string[]
}

/** What one entry may take, from its first file to its last look: daemons that hang hold up nobody for longer. */
const longestRecoveryMs = limits.recoveryOfAnEntry.most

/** Services that are recovered side by side. */
const mostAtOnce = 16

/**
 * Start-up recovery: every transaction in the journal is cleaned up, finished or undone; one that cannot be does not stop
 * the next, and those of different services do not wait for one another. One line per target. Needs no control plane.
 */
export async function recover(engine: Engine, limitMs = longestRecoveryMs): Promise<readonly Recovered[]> {
  return engine.turns.take(async () => {
    const entries = await engine.journal.list()
    const ends = new Map<string, Omit<Recovered, 'target'>>()
    await inParallel([...new Set(entries.map(({ document }) => document.service))], mostAtOnce, async (service) => {
      for (const { id, document } of entries)
        if (document.service === service) ends.set(id, await tryRecoverEntry(id, document, engine, limitMs))
    })
    return entries.flatMap(({ id, document }) => {
      const end = ends.get(id)
      return end === undefined ? [] : document.deployments.map(({ target }) => ({ target, ...end }))
    })
  })
}

/** Recovers one entry. Never throws: what went wrong is in the result. */
export async function tryRecoverEntry(
  id: string,
  entry: JournalEntry,
  engine: Engine,
  limitMs = longestRecoveryMs,
): Promise<Omit<Recovered, 'target'>> {
  return recoverEntry(id, entry, engine, limitMs).catch((cause: unknown) => ({
    did: 'could not put back',
    error: asWaxsealError(cause),
  }))
}

/** Recovers one entry. May be repeated: a crash during recovery is recovered from. */
export async function recoverEntry(
  id: string,
  entry: JournalEntry,
  engine: Engine,
  limitMs = longestRecoveryMs,
): Promise<Omit<Recovered, 'target'>> {
  const { deployments } = entry
  if (!deployments.every(isOurs)) {
    await engine.journal.putAside(id)
    const paths = deployments.flatMap(({ files }) => files.map(({ destination }) => destination))
    const reason = 'a name in it is none of ours'
    return { did: 'set aside', error: new WaxsealError('PATH_NOT_ALLOWED', { paths, reason }) }
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
  const signal = AbortSignal.timeout(limitMs)
  const today = await allowedToday(entry, engine)
  const mayFinish = today.refused.length === 0 && (await all(deployments, (one) => isBelow(one, engine.policy.roots)))
  if (entry.phase === 'deploying' && mayFinish && (await all(deployments, isCommitted))) {
    if (await finish(entry, engine, signal)) {
      await dropAll(id, entry, engine)
      return { did: 'finished', error: null }
    }
  }
  const error = await undo(entry, engine, [], { today, signal })
  const said = today.refused.length === 0 ? {} : { notAllowed: today.refused }
  return { did: error === null ? 'put back' : 'could not put back', error, ...said }
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

/**
 * Old files are put back wherever the journal says that they were, for it is root's own and its schema has the names that this
 * program gives. That these folders are still the ones is asked as they are opened: until they are, the entry waits.
 */
function isOurs({ files, link }: JournalledDeployment): boolean {
  const names = [
    ...files.flatMap(({ destination, staged, kept }) => [destination, staged, kept]),
    ...(link === null ? [] : [link.link, link.staged, link.folder]),
  ]
  if (names.some((name) => normalize(name) !== name)) return false
  const isBeside = files.every(
    ({ destination, staged, kept }) =>
      dirname(staged) === dirname(destination) && dirname(kept) === dirname(destination),
  )
  return isBeside && (link === null || link.folder === `${dirname(link.link)}/${link.after}`)
}

/** Going on is a deployment like any other: today's roots have to allow it. */
async function isBelow({ files, link }: JournalledDeployment, roots: readonly string[]): Promise<boolean> {
  const places = [...files.map(({ destination }) => destination), ...(link === null ? [] : [link.link])]
  return all(places, (place) => isBelowRoots(place, roots))
}

/** Steps 9 to 11 once more, and the record: all files are the new ones, and only the daemon may not have loaded them. */
async function finish(entry: JournalEntry, engine: Engine, signal: AbortSignal): Promise<boolean> {
  const ran = await runInOrder([...entry.checks, ...entry.activate], engine.timeouts.activateMs, signal)
  if (ran.some((command) => command.exitCode !== 0)) return false
  const { ofMembers, failed } = await lookForAll(entry, engine, [], signal)
  if (failed.length > 0) return false
  for (const [index, deployment] of entry.deployments.entries())
    await recordDeployment(entry.service, deployment, ofMembers[index] ?? [], engine)
  return true
}
