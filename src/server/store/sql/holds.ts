import type { Database } from '../database.ts'
import type { HoldStore } from '../hold-store.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { HoldRow, OnHostRow } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** For SQL about a row with an `agent_id`: nothing is issued to it yet. */
export function isHeld(table: 'certificate'): string {
  return `EXISTS (SELECT 1 FROM hold WHERE hold.agent_id = ${table}.agent_id)`
}

function isAsked(agentId: '$1' | 'hold.agent_id'): string {
  return `EXISTS (SELECT 1 FROM job WHERE job.agent_id = ${agentId} AND type = 'Validation' AND ${isOpen})`
}

/** What is asked first after a restore, over SQL. */
export function sqlHolds(db: Database): HoldStore {
  return {
    add: async (hold) => {
      await insert(db, 'hold', hold)
    },
    of: async (agentId) => firstOf<HoldRow>(await db.query('SELECT * FROM hold WHERE agent_id = $1', [agentId])),
    asked: async (agentId, at) => {
      await db.query('UPDATE hold SET asked_at = $2 WHERE agent_id = $1 AND asked_at IS NULL', [agentId, at])
    },
    isAnswered: async (agentId) =>
      Number(
        (await db.query(`SELECT CASE WHEN ${isAsked('$1')} THEN 0 ELSE 1 END AS is_done`, [agentId]))[0]?.['is_done'],
      ) === 1,
    over: async (askedBefore, limit) =>
      fromRows<HoldRow>(
        await db.query(
          `SELECT * FROM hold WHERE asked_at <= $1 OR NOT ${isAsked('hold.agent_id')}
            ORDER BY agent_id LIMIT $2 ${db.dialect.skipLocked}`,
          [askedBefore, limit],
        ),
      ),
    remove: async (agentId) => {
      const isHere = (await db.query('DELETE FROM hold WHERE agent_id = $1 RETURNING agent_id', [agentId])).length > 0
      if (isHere) await db.notify(agentId)
      return isHere
    },
    count: async () => Number((await db.query('SELECT count(*) AS count FROM hold'))[0]?.['count'] ?? 0),
    see: async (row) => {
      await db.query('DELETE FROM on_host WHERE target_id = $1', [row.targetId])
      await insert(db, 'on_host', row)
    },
    seen: async (certificateId) =>
      fromRows<OnHostRow>(
        await db.query('SELECT * FROM on_host WHERE certificate_id = $1 ORDER BY target_id', [certificateId]),
      ),
  }
}
