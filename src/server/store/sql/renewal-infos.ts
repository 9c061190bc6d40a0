import { firstAskAt } from '../../renewal/ask-again.ts'
import type { Database } from '../database.ts'
import type { RenewalInfoRow, RenewalInfoStore } from '../renewal-info-store.ts'
import type { VersionRow } from '../rows.ts'
import { changeWhere, firstOf, fromRows, insert } from './columns.ts'

/** What issuers say about renewals, over SQL. */
export function sqlRenewalInfos(db: Database): RenewalInfoStore {
  return {
    of: async (certificateId, number) =>
      firstOf<RenewalInfoRow>(
        await db.query('SELECT * FROM renewal_info WHERE certificate_id = $1 AND number = $2', [certificateId, number]),
      ),
    take: async (issuer, at, until, limit) =>
      fromRows<RenewalInfoRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT certificate_id, number FROM renewal_info WHERE issuer = $1 AND ask_at <= $2
                ORDER BY ask_at LIMIT $4 ${db.dialect.skipLocked})
            UPDATE renewal_info SET ask_at = $3 WHERE (certificate_id, number) IN (SELECT certificate_id, number FROM taken)
            RETURNING *`,
          [issuer, at, until, limit],
        ),
      ),
    record: async (certificateId, number, info) => {
      const newest = 'SELECT max(number) FROM version WHERE certificate_id = $1'
      const [row] = await db.query(`SELECT 1 AS found WHERE (${newest}) = $2`, [certificateId, number])
      if (row !== undefined) await changeWhere(db, 'renewal_info', { certificateId, number }, info)
    },
  }
}

/** From now on the issuer of this version is asked about it, and about no older one. */
export async function askAbout(db: Database, version: VersionRow): Promise<void> {
  const { certificateId, number, issuer } = version
  await db.query('UPDATE renewal_info SET ask_at = NULL WHERE certificate_id = $1 AND ask_at IS NOT NULL', [
    certificateId,
  ])
  await insert(db, 'renewal_info', { certificateId, number, issuer, askAt: firstAskAt(version), failures: 0 })
}
