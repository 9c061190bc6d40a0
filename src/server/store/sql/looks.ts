import type { Database } from '../database.ts'
import type { LookRow, LookStore } from '../look-store.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** Looks from outside, over SQL. */
export function sqlLooks(db: Database): LookStore {
  return {
    add: (look, most) =>
      db.transaction(async (inside) => {
        const sql = `SELECT id FROM agent WHERE id = $1 ${inside.dialect.forUpdate}`
        await inside.query(sql, [look.agentId])
        const open = 'SELECT count(*) AS count FROM look WHERE agent_id = $1 AND ended_at IS NULL'
        if (Number((await inside.query(open, [look.agentId]))[0]?.['count'] ?? 0) >= most) return false
        return insert(inside, 'look', look)
      }),
    byId: async (id) => firstOf<LookRow>(await db.query('SELECT * FROM look WHERE id = $1', [id])),
    take: async (agentId, at, limit) =>
      fromRows<LookRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT id FROM look WHERE agent_id = $1 AND ended_at IS NULL AND handed_at IS NULL
              ORDER BY asked_at, id LIMIT $3 ${db.dialect.skipLocked})
            UPDATE look SET handed_at = $2 WHERE id IN (SELECT id FROM taken) RETURNING *`,
          [agentId, at, limit],
        ),
      ),
    end: async (id, agentId, at, report, refusal) =>
      (
        await db.query(
          `UPDATE look SET ended_at = $3, report = $4, refusal = $5
            WHERE id = $1 AND agent_id = $2 AND ended_at IS NULL AND handed_at IS NOT NULL RETURNING id`,
          [id, agentId, at, report, refusal],
        )
      ).length > 0,
    expire: async (at, before, old, refusal) => {
      await db.query('UPDATE look SET ended_at = $1, refusal = $3 WHERE ended_at IS NULL AND asked_at < $2', [
        at,
        before,
        refusal,
      ])
      await db.query('DELETE FROM look WHERE asked_at < $1 AND ended_at IS NOT NULL', [old])
    },
  }
}
