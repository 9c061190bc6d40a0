import { createHash } from 'node:crypto'
import type { Clock } from '../../host/clock.ts'
import { openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { requireRoomWithin } from '../../limit/within.ts'
import { oneAtATime } from '../../outbox/one-at-a-time.ts'

/** When certificates for one set of names were ordered. */
export interface PlacedOrders {
  /** Milliseconds since 1970. */
  readonly at: readonly number[]
}

/** The orders that this host has had signed, on disk: a courier that goes wrong uses up no limit of the CA. */
export interface OrderLog {
  /** Notes one, durably. LIMIT_EXCEEDED: there were too many of these names within a day. */
  note(names: readonly string[]): Promise<void>
}

/** JSON schema of one. */
export const placedOrdersSchema = {
  type: 'object',
  required: ['at'],
  properties: { at: { type: 'array', maxItems: 100, items: { type: 'number' } } },
} as const

const dayMs = 86_400_000

/** Opens it below the state directory. */
export async function openOrderLog(path: string, clock: Pick<Clock, 'now'>): Promise<OrderLog> {
  const folder = await openDocumentFolder<PlacedOrders>({ path, schema: placedOrdersSchema })
  const inTurn = oneAtATime()
  return {
    note: (names) =>
      inTurn(async () => {
        const now = clock.now()
        for (const { id, document } of await folder.list())
          if (!document.at.some((at) => isRecent(at, now))) await folder.remove(id)
        const id = createHash('sha256').update(sameNames(names)).digest('hex')
        const at = ((await folder.get(id))?.at ?? []).filter((one) => isRecent(one, now))
        requireRoomWithin('ownOrders', at, dayMs)
        await folder.put(id, { at: [...at, now] })
      }),
  }
}

/** A clock that was ahead counts for nothing. */
function isRecent(at: number, now: number): boolean {
  return at <= now && now - at < dayMs
}

/** The same text for the same names, in whatever order and case. */
export function sameNames(names: readonly string[]): string {
  return [...new Set(names.map((name) => name.toLowerCase()))]
    .toSorted((one, other) => (one < other ? -1 : 1))
    .join(' ')
}
