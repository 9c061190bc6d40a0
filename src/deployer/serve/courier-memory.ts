import { join } from 'node:path'
import { emptyLedger, type Ledger, ledgerSchema } from '../../documents/ledger.ts'
import { type Membership, membershipSchema, noMembership } from '../../documents/membership.ts'
import { isStorage } from '../../host/file/files.ts'
import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { isFolder } from '../../host/file/folder/private-folder.ts'
import { oneAtATime } from '../../outbox/one-at-a-time.ts'

/** What the deployer keeps for the courier, which has no disk. */
export interface CourierMemory {
  /** A courier has started: counts it, durably, and hands out what is kept. Null: the disk takes nothing, so it is not counted. */
  introduce(): Promise<{ readonly starts: number | null; readonly membership: Membership }>
  /** Durable when it returns; until then what was kept before is. */
  keep(membership: Membership): Promise<void>
  /** What was told to people; null: as it is kept. Returns what is kept then. */
  matters(ledger: Ledger | null): Promise<Ledger>
}

interface Kept {
  readonly starts: number
  readonly membership: Membership
}

const id = 'courier'
const ledgerId = 'told'

/** Below the state directory. */
export function courierMemoryFolder(stateDir: string): string {
  return join(stateDir, 'courier')
}

/** Opens it. No other process may write there. */
export async function openCourierMemory(path: string): Promise<CourierMemory> {
  const folder = await openDocumentFolder<Kept>({ path, schema: courierMemorySchema })
  let ledgers: DocumentFolder<Ledger> | null = null
  const inTurn = oneAtATime()
  const read = async (): Promise<Kept> => (await folder.get(id)) ?? { starts: 0, membership: noMembership }
  return {
    introduce: () =>
      inTurn(async () => {
        const kept = await read()
        const next = { ...kept, starts: kept.starts + 1 }
        try {
          await folder.put(id, next)
          return next
        } catch (error) {
          // A host whose disk is full is to be heard of all the same.
          if (isStorage(error)) return { ...kept, starts: null }
          throw error
        }
      }),
    keep: (membership) => inTurn(async () => folder.put(id, { ...(await read()), membership })),
    matters: (ledger) =>
      inTurn(async () => {
        // Made where people are told, and nowhere else.
        ledgers ??= await openDocumentFolder<Ledger>({ path: join(path, 'told'), schema: ledgerSchema })
        if (ledger !== null) await ledgers.put(ledgerId, ledger)
        return ledger ?? (await ledgers.get(ledgerId)) ?? emptyLedger
      }),
  }
}

/** What is kept in this folder, for root's own commands, which face the control plane as the courier does. Makes nothing. */
export async function readMembership(path: string): Promise<Membership> {
  if (!(await isFolder(path))) return noMembership
  const folder = await openDocumentFolder<Kept>({ path, schema: courierMemorySchema, isShared: true })
  return (await folder.get(id))?.membership ?? noMembership
}

/** JSON schema of the one document in it. */
export const courierMemorySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['starts', 'membership'],
  properties: { starts: { type: 'integer', minimum: 0 }, membership: membershipSchema },
} as const
