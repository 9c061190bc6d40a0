import { dirname } from 'node:path'
import type { ChangeSet } from './change-set.ts'
import type { Keeper } from './keeper.ts'

/** By the path of a folder, who was its keeper when the changes were allowed; null: nobody. */
export function keepersOf(all: readonly ChangeSet[]): (folder: string) => Keeper | null {
  const places = all.flatMap(({ files, link }) => [
    ...files.map(({ destination, keeper }) => ({ path: destination, keeper })),
    ...(link === null ? [] : [{ path: link.link, keeper: link.keeper }]),
  ])
  const keepers = new Map(places.map(({ path, keeper }) => [dirname(path), keeper]))
  return (folder) => keepers.get(folder) ?? null
}
