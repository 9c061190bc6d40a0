import { nearest } from '../error/nearest.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { type TargetNames, targetNames } from '../journal/target-names.ts'
import type { Engine } from './engine.ts'

/** The names of all that this host knows of its targets; those that were forgotten are left out. */
export async function readTargetNames(
  engine: Pick<Engine, 'archive' | 'history' | 'journal' | 'records'>,
): Promise<TargetNames> {
  const { archive, history, journal, records } = engine
  const underWay = (await journal.list()).flatMap(({ document }) => document.deployments)
  return targetNames([
    ...(await archive.targets()).map((target) => ({ target })),
    ...(await records.list()).map(({ document }) => document),
    ...underWay.map(({ target, record }) => ({ target, ...record })),
    ...(await history.lastPerTarget()).values(),
  ])
}

/** These with the names of their targets. All that is kept has to be read for them, so that nothing is where there are none. */
export async function withNames<Item extends { readonly target: string }>(
  items: readonly Item[],
  engine: Parameters<typeof readTargetNames>[0],
): Promise<readonly (Item & { readonly name: string | null; readonly label: string })[]> {
  if (items.length === 0) return []
  const names = await readTargetNames(engine)
  return items.map((item) => ({ ...item, name: names.nameOf(item.target), label: names.labelOf(item.target) }))
}

const mostListed = 20

/** The id of the target that a person means by this text, its name or its id. TARGET_UNKNOWN: none, or several. */
export function findTarget(text: string, names: TargetNames): string {
  const [id, ...others] = names.matching(text)
  if (id === undefined) throw noSuchTarget(text, names)
  if (others.length === 0) return id
  throw new WaxsealError('TARGET_UNKNOWN', {
    target: text,
    reason: 'more than one target has this name or id',
    hint: `Say which: ${[id, ...others].map(names.argumentOf).join(', ')}.`,
  })
}

function noSuchTarget(text: string, names: TargetNames): WaxsealError {
  const labels = names.ids.map(names.labelOf)
  const meant = nearest(text, [...labels, ...names.ids])
  return new WaxsealError('TARGET_UNKNOWN', {
    target: text,
    known: labels.length === 0 ? 'none yet' : labels.slice(0, mostListed),
    ...(meant === null ? {} : { hint: `Is ${meant} meant?` }),
  })
}
