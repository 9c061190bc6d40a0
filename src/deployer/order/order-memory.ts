import { createHash } from 'node:crypto'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isStorage } from '../../host/file/files.ts'
import { openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { orderBytes, type StandingOrder } from '../../order/standing-order.ts'
import { oneAtATime } from '../../outbox/one-at-a-time.ts'

/** The newest order that was taken for a target. */
export interface TakenOrder {
  readonly sequence: number
  /** SHA-256 of its document, hex. */
  readonly digest: string
  /** What its target is called, and when it ends: for people. */
  readonly name: string
  readonly notAfter: string
}

/** The highest sequence of each target, on disk: a control plane that was put back from a backup, or broken into, has older orders. */
export interface OrderMemory {
  /** Takes an order, durably. ORDER_SUPERSEDED: a newer one was taken for its target, or another one with its sequence; SPOOL_FULL: the disk takes none. */
  take(order: StandingOrder): Promise<void>
  /** Each with the id of its target. */
  list(): Promise<readonly (TakenOrder & { readonly target: string })[]>
}

/** JSON schema of a taken order. */
export const takenOrderSchema = {
  type: 'object',
  required: ['sequence', 'digest', 'name', 'notAfter'],
  properties: {
    sequence: { type: 'integer', minimum: 1 },
    digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    name: { type: 'string' },
    notAfter: { type: 'string' },
  },
} as const

/** Opens the memory below the state directory. A document per target: only what was signed for this host comes to have one. */
export async function openOrderMemory(path: string, isShared = false): Promise<OrderMemory> {
  const folder = await openDocumentFolder<TakenOrder>({ path, schema: takenOrderSchema, isShared })
  const inTurn = oneAtATime()
  return {
    take: (order) =>
      inTurn(async () => {
        const { id, name } = order.target
        const { sequence, not_after: notAfter } = order
        const digest = createHash('sha256').update(orderBytes(order)).digest('hex')
        const taken = await folder.get(id)
        if (taken?.digest === digest) return
        if (taken !== null && sequence <= taken.sequence) throw superseded(order, taken)
        await folder.put(id, { sequence, digest, name, notAfter }).catch(putOff)
      }),
    list: async () => (await folder.list()).map(({ id, document }) => ({ target: id, ...document })),
  }
}

/** Nothing was done yet: the job waits until the disk takes it. */
function putOff(error: unknown): never {
  throw isStorage(error) ? new WaxsealError('SPOOL_FULL', { reason: (error as Error).message }) : error
}

function superseded({ target, sequence }: StandingOrder, taken: TakenOrder): WaxsealError {
  const isTwin = sequence === taken.sequence
  return new WaxsealError('ORDER_SUPERSEDED', {
    target: target.name,
    reason: isTwin ? 'another order with this sequence was taken' : 'an order with a higher sequence was taken',
    sequence,
    highest: taken.sequence,
    hint: `Sign the order again, with a sequence above ${taken.sequence}, and hand it over with waxseal control-plane add-order.`,
  })
}
