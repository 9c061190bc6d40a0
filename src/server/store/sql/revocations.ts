import type { Database } from '../database.ts'
import type { RevocationRow, RevocationStore } from '../revocation-store.ts'
import { changeWhere, firstOf, fromRows, insert } from './columns.ts'

/** What issuers are to be told, over SQL. */
export function sqlRevocations(db: Database): RevocationStore {
  return {
    add: async (revocation) => {
      await insert(db, 'revocation', revocation)
    },
    of: async (certificateId, number) =>
      firstOf<RevocationRow>(
        await db.query('SELECT * FROM revocation WHERE certificate_id = $1 AND number = $2', [certificateId, number]),
      ),
    take: async (at, until, limit) =>
      fromRows<RevocationRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT certificate_id, number FROM revocation WHERE told_at IS NULL AND next_try_at <= $1
              ORDER BY next_try_at LIMIT $3 ${db.dialect.skipLocked})
            UPDATE revocation SET next_try_at = $2
              WHERE (certificate_id, number) IN (SELECT certificate_id, number FROM taken) RETURNING *`,
          [at, until, limit],
        ),
      ),
    told: (certificateId, number, at) =>
      changeWhere(db, 'revocation', { certificateId, number }, { toldAt: at, error: null }),
    putOff: async (certificateId, number, until, error) => {
      await db.query(
        `UPDATE revocation SET next_try_at = $3, error = $4, failures = failures + 1
          WHERE certificate_id = $1 AND number = $2 AND told_at IS NULL`,
        [certificateId, number, until, error],
      )
    },
  }
}
