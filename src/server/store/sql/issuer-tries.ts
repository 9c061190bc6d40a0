import type { Database, RawRow } from '../database.ts'
import type { IssuerTryRow, IssuerTryStore } from '../issuer-try-store.ts'
import { fromRows, insert } from './columns.ts'

/** What issuers did with CSRs, over SQL. */
export function sqlIssuerTries(db: Database): IssuerTryStore {
  return {
    of: async (signingId) =>
      fromRows<IssuerTryRow>(await db.query('SELECT * FROM issuer_try WHERE signing_id = $1', [signingId])),
    put: (row) =>
      db.transaction(async (inside) => {
        await inside.query('DELETE FROM issuer_try WHERE signing_id = $1 AND issuer = $2', [row.signingId, row.issuer])
        await insert(inside, 'issuer_try', row)
      }),
  }
}

/** Of signings that are over. */
export async function forgetTries(db: Database, signings: readonly RawRow[]): Promise<void> {
  for (const { id = null } of signings) await db.query('DELETE FROM issuer_try WHERE signing_id = $1', [id])
}
