import type { Database } from '../database.ts'
import type { AuditRow } from '../rows.ts'
import type { AuditStore } from '../store.ts'
import { fromRows, insert } from './columns.ts'

/** The audit trail over SQL. */
export function sqlAudit(db: Database): AuditStore {
  return {
    append: async (entry) => {
      await insert(db, 'audit', entry)
    },
    list: async ({ after = '0', limit }) =>
      fromRows<AuditRow>(
        await db.query('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', [Number(after), limit]),
      ),
  }
}
