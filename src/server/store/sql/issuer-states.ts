import type { Database } from '../database.ts'
import type { IssuerStateRow, IssuerStateStore } from '../issuer-state-store.ts'
import { changeWhere, firstOf, insert } from './columns.ts'

/** How issuers are, over SQL. */
export function sqlIssuerStates(db: Database): IssuerStateStore {
  return {
    of: async (issuer) =>
      firstOf<IssuerStateRow>(await db.query('SELECT * FROM issuer_state WHERE issuer = $1', [issuer])),
    note: async (issuer, fields) => {
      await insert(db, 'issuer_state', { issuer })
      await changeWhere(db, 'issuer_state', { issuer }, fields)
    },
  }
}
