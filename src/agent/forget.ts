import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { type JournalEntry, journalId } from '../journal/journal.ts'
import type { Engine } from './engine.ts'
import { recoverEntry } from './recover.ts'

/** What is gone with a target. */
export interface Forgotten {
  readonly target: string
  /** How many kept pairs were removed, private keys among them. */
  readonly pairs: number
}

/**
 * Removes what this host knows of a target; its files and its daemon stay as they are. A deployment to it that a crash cut off is
 * recovered first. Where it cannot be, that error is thrown; `isForced`: it is given up. CONFIG_INVALID names the targets that
 * there are. May be repeated after a crash.
 */
export async function forget(target: string, isForced: boolean, engine: Engine): Promise<Forgotten> {
  const { archive, history, journal, records, turns, clock } = engine
  return turns.take(async () => {
    const known = await knownTargets(engine)
    if (!known.includes(target))
      throw new WaxsealError('CONFIG_INVALID', { target, reason: 'there is no such target', known })
    for (const { id, document } of await journal.list())
      if (targetsOf(document).includes(target)) await endDeployment(id, document, engine, isForced ? target : null)
    const pairs = await archive.forget(target)
    await records.remove(target)
    await history.forget(target, new Date(clock.now()).toISOString())
    return { target, pairs }
  })
}

async function knownTargets({ archive, history, journal, records }: Engine): Promise<readonly string[]> {
  const recorded = (await records.list()).map(({ document }) => document.target)
  const underWay = (await journal.list()).flatMap(({ document }) => targetsOf(document))
  const ended = [...(await history.lastPerTarget()).keys()]
  return [...new Set([...recorded, ...underWay, ...ended, ...(await archive.targets())])].toSorted()
}

function targetsOf({ deployments }: JournalEntry): readonly string[] {
  return deployments.map(({ target }) => target)
}

/** Recovery as at a start. Where it fails, the deployment to `givenUp` is no more, and those to others are left to the next one. */
async function endDeployment(id: string, entry: JournalEntry, engine: Engine, givenUp: string | null): Promise<void> {
  const { did, error } = await recoverEntry(id, entry, engine).catch((cause: unknown) => ({
    did: 'could not put back' as const,
    error: asWaxsealError(cause),
  }))
  if (error === null || did === 'set aside') return
  const hint = 'Is the target gone for good? waxseal forget --force'
  if (givenUp === null) throw new WaxsealError(error.code, { ...error.details, hint }, { cause: error })
  const left = (await engine.journal.get(id)) ?? entry
  const others = { ...left, deployments: left.deployments.filter(({ target }) => target !== givenUp) }
  const isEmpty = others.deployments.length === 0
  if (!isEmpty) await engine.journal.put(journalId(others), others)
  if (isEmpty || journalId(others) !== id) await engine.journal.remove(id)
}
