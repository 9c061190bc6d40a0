import { WaxsealError } from '../error/waxseal-error.ts'
import type { Engine } from './engine.ts'

/** What is gone with a target. */
export interface Forgotten {
  readonly target: string
  /** How many kept pairs were removed, private keys among them. */
  readonly pairs: number
}

/**
 * Removes what this host knows of a target. Its files and its daemon stay as they are. May be repeated after a crash. CONFIG_INVALID
 * names the targets that there are, or says that a deployment to it is not finished.
 */
export async function forget(target: string, engine: Engine): Promise<Forgotten> {
  const { archive, history, journal, records, turns, clock } = engine
  return turns.take(async () => {
    const known = await knownTargets(engine)
    if (!known.includes(target)) throw new WaxsealError('CONFIG_INVALID', { target, reason: 'nobody knows it', known })
    const underWay = (await journal.list()).flatMap(({ document }) => document.deployments)
    if (underWay.some((deployment) => deployment.target === target))
      throw new WaxsealError('CONFIG_INVALID', {
        target,
        reason: 'a deployment to it is not finished',
        hint: 'Run waxseal recover.',
      })
    const pairs = await archive.forget(target)
    await records.remove(target)
    await history.forget(target, new Date(clock.now()).toISOString())
    return { target, pairs }
  })
}

async function knownTargets({ archive, history, records }: Engine): Promise<readonly string[]> {
  const recorded = (await records.list()).map(({ document }) => document.target)
  return [...new Set([...recorded, ...(await history.last()).keys(), ...(await archive.targets())])].toSorted()
}
