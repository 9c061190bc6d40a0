import type { MatterKind } from '../../../notice/matter.ts'
import type { Page } from '../../store/page.ts'
import { listMatters, type ShownMatter } from '../matter/mutes.ts'
import type { Parts } from '../parts.ts'
import { type Listed, partOf, type Wanted } from './fleet-lists.ts'

/** What wants a person now, the newest first; of a host by its name, or of a kind. Matters are bounded, some hundreds of a kind. */
export async function fleetMatters(
  { store }: Pick<Parts, 'store'>,
  { after, host, kind }: Wanted<{ readonly kind?: MatterKind | undefined }>,
): Promise<Listed<ShownMatter>> {
  const all = (await listMatters({ store }, false)).filter(
    (matter) => (host === undefined || matter.agent === host) && (kind === undefined || matter.kind === kind),
  )
  const read = async ({ after: from, limit }: Page): Promise<readonly ShownMatter[]> =>
    all.filter((matter) => from === undefined || isBehind(matter, from)).slice(0, limit)
  return partOf({ at: await store.now(), after })(read, keyOf)
}

function keyOf({ openedAt, id }: ShownMatter): string {
  return `${openedAt}-${id}`
}

/** Behind the one with this key: older, or as old with a greater id. */
function isBehind({ openedAt, id }: ShownMatter, key: string): boolean {
  const [time = '', last = ''] = key.split('-')
  return openedAt < Number(time) || (openedAt === Number(time) && id > last)
}
