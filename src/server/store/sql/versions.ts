import type { Database } from '../database.ts'
import type { VersionRow } from '../rows.ts'
import type { VersionStore } from '../store.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { askAbout } from './renewal-infos.ts'

/** Versions of certificates over SQL. */
export function sqlVersions(db: Database): VersionStore {
  const newest: VersionStore['newest'] = async (certificateId) =>
    firstOf<VersionRow>(
      await db.query('SELECT * FROM version WHERE certificate_id = $1 ORDER BY number DESC LIMIT 1', [certificateId]),
    )
  return {
    newest,
    numbered: async (certificateId, number) =>
      firstOf<VersionRow>(
        await db.query('SELECT * FROM version WHERE certificate_id = $1 AND number = $2', [certificateId, number]),
      ),
    add: (version) =>
      db.transaction(async (inside) => {
        await insert(inside, 'version', version)
        await askAbout(inside, version)
      }),
    onTarget: async (targetId) => {
      const [row] = await db.query(
        `SELECT certificate_id FROM job
          WHERE target_id = $1 AND type IN ('Deployment', 'TakeBack') AND status = 'Completed' ORDER BY seq DESC LIMIT 1`,
        [targetId],
      )
      return row === undefined ? null : newest(String(row['certificate_id']))
    },
    list: async (certificateId, limit) =>
      fromRows<VersionRow>(
        await db.query('SELECT * FROM version WHERE certificate_id = $1 ORDER BY number DESC LIMIT $2', [
          certificateId,
          limit,
        ]),
      ),
    revoke: async (certificateId, number, at) => {
      await db.query(
        'UPDATE version SET revoked_at = $3 WHERE certificate_id = $1 AND number = $2 AND revoked_at IS NULL',
        [certificateId, number, at],
      )
    },
    revoked: async (at) =>
      fromRows<VersionRow>(
        await db.query('SELECT * FROM version WHERE revoked_at IS NOT NULL AND not_after > $1 ORDER BY not_after', [
          at,
        ]),
      ),
  }
}
