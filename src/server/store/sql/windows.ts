import type { Database } from '../database.ts'
import type { JobRow } from '../rows.ts'
import { type ListedWindow, mostWindows, type WindowRow, type WindowStore } from '../window-store.ts'
import { fromRows } from './columns.ts'

/** Not part of a roll-out that has not ended: that one looks after it. */
const isOwn = `NOT EXISTS (
  SELECT 1 FROM rollout_target JOIN rollout ON rollout.id = rollout_target.rollout_id
    WHERE (rollout_target.job_id = job.id OR rollout_target.issuance_id = job.id)
      AND rollout.state IN ('running', 'stopped', 'taking-back'))`
const isHeld = `hand_out_until IS NOT NULL AND status IN ('Pending', 'AwaitingCSR') AND ${isOwn}`

/** Windows of renewals over SQL. */
export function sqlWindows(db: Database): WindowStore {
  return {
    list: async () =>
      fromRows<ListedWindow>(
        await db.query(
          `SELECT renewal_window.*, (SELECT count(*) FROM agent_label JOIN agent ON agent.id = agent_label.agent_id
              WHERE agent_label.name = renewal_window.name AND agent_label.value = renewal_window.value
                AND agent.status = 'active') AS agents
            FROM renewal_window ORDER BY name, value`,
        ),
      ),
    of: async (agentId) =>
      fromRows<WindowRow>(
        await db.query(
          `SELECT renewal_window.* FROM renewal_window JOIN agent_label
              ON agent_label.name = renewal_window.name AND agent_label.value = renewal_window.value
            WHERE agent_label.agent_id = $1 ORDER BY renewal_window.name`,
          [agentId],
        ),
      ),
    set: async (row) => {
      const { name, value, cron, forMs, timeZone, createdAt, createdBy } = row
      const [others] = await db.query(
        'SELECT count(*) AS count FROM renewal_window WHERE NOT (name = $1 AND value = $2)',
        [name, value],
      )
      if (Number(others?.['count'] ?? 0) >= mostWindows) return false
      await db.query(
        `INSERT INTO renewal_window (name, value, cron, for_ms, time_zone, created_at, created_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
          ON CONFLICT (name, value) DO UPDATE SET cron = excluded.cron, for_ms = excluded.for_ms,
            time_zone = excluded.time_zone, created_at = excluded.created_at, created_by = excluded.created_by`,
        [name, value, cron, forMs, timeZone, createdAt, createdBy],
      )
      return true
    },
    remove: async ({ name, value }) =>
      (await db.query('DELETE FROM renewal_window WHERE name = $1 AND value = $2 RETURNING name', [name, value]))
        .length > 0,
    over: async (at, limit) =>
      fromRows<JobRow>(
        await db.query(
          `SELECT * FROM job WHERE ${isHeld} AND hand_out_until <= $1 ORDER BY hand_out_until, seq LIMIT $2
            ${db.dialect.skipLocked}`,
          [at, limit],
        ),
      ),
    endTimes: async (of, at) => {
      const isOfAgent = 'agentId' in of
      const agents = isOfAgent ? '$2' : 'SELECT agent_id FROM agent_label WHERE name = $2 AND value = $3'
      await db.query(
        `UPDATE job SET hand_out_until = $1 WHERE ${isHeld} AND hand_out_until > $1 AND agent_id IN (${agents})`,
        isOfAgent ? [at, of.agentId] : [at, of.name, of.value],
      )
    },
  }
}
