import { WaxsealError } from '../error/waxseal-error.ts'
import { type JournalEntry, journalId } from '../journal/journal.ts'
import type { TargetNames } from '../journal/target-names.ts'
import type { Engine } from './engine.ts'
import { findTarget, readTargetNames } from './find-target.ts'
import { tryRecoverEntry } from './recover.ts'

/** What is gone with a target. */
export interface Forgotten {
  readonly target: string
  /** What people call it. */
  readonly label: string
  /** How many kept pairs were removed, private keys among them. */
  readonly pairs: number
  /** Why a deployment to it that was cut off could be neither finished nor undone; null: there was none. */
  readonly givenUp: WaxsealError | null
}

/**
 * Removes what this host knows of a target; its files and its daemon stay as they are. A deployment to it that a crash cut off is
 * recovered first. Where it cannot be, that error is thrown; `isForced`: it is given up. `named`: its name or id; TARGET_UNKNOWN names the targets
 * that there are. May be repeated after a crash.
 */
export async function forget(named: string, isForced: boolean, engine: Engine): Promise<Forgotten> {
  const { archive, history, journal, records, turns, clock } = engine
  return turns.take(async () => {
    const names = await readTargetNames(engine)
    const target = findTarget(named, names)
    let givenUp: WaxsealError | null = null
    for (const one of await journal.list())
      if (targetsOf(one.document).includes(target)) givenUp = await endDeployment(one, target, names, isForced, engine)
    const pairs = await archive.forget(target)
    await records.remove(target)
    await history.forget(target, new Date(clock.now()).toISOString())
    return { target, label: names.labelOf(target), pairs, givenUp }
  })
}

function targetsOf({ deployments }: JournalEntry): readonly string[] {
  return deployments.map(({ target }) => target)
}

/**
 * Recovery as at a start. Where it fails and that is accepted, the deployment to the target is no more, and those to others are left
 * to the next one. Returns why it failed; null: it did not.
 */
async function endDeployment(
  { id, document: entry }: { readonly id: string; readonly document: JournalEntry },
  target: string,
  names: TargetNames,
  isForced: boolean,
  engine: Engine,
): Promise<WaxsealError | null> {
  const { did, error } = await tryRecoverEntry(id, entry, engine)
  if (error === null || did === 'set aside') return error
  if (!isForced) {
    const hint = `Is it gone for good? waxseal forget ${names.argumentOf(target)} --force`
    throw new WaxsealError(error.code, { ...error.details, hint }, { cause: error })
  }
  const left = (await engine.journal.get(id)) ?? entry
  const others = { ...left, deployments: left.deployments.filter((one) => one.target !== target) }
  const isEmpty = others.deployments.length === 0
  if (!isEmpty) await engine.journal.put(journalId(others), others)
  if (isEmpty || journalId(others) !== id) await engine.journal.remove(id)
  return error
}
