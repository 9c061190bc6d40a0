import type { Database } from '../database.ts'
import { isOpen, isUntaken } from '../migration/first-schema.ts'
import type { RolloutRow, RolloutState } from '../rollout-rows.ts'
import type { RolloutStore } from '../rollout-store.ts'
import { change, firstOf, fromRows, insert, insertAll } from './columns.ts'
import { named, namesIn } from './named.ts'
import { rolloutTargetsOf } from './rollout-targets.ts'

const isLive = "state IN ('running', 'stopped', 'taking-back')"

/** Roll-outs over SQL. */
export function sqlRollouts(db: Database): RolloutStore {
  return {
    ...rolloutTargetsOf(db),
    add: (rollout, targets) =>
      db.transaction(async (inside) => {
        if (!(await insert(inside, 'rollout', rollout))) return false
        await insertAll(inside, 'rollout_target', targets)
        return true
      }),
    named: (text) => named<RolloutRow>(db, 'rollout', text),
    names: () => namesIn(db, 'rollout'),
    list: async ({ after = '', limit }) =>
      fromRows<RolloutRow>(
        await db.query(
          `SELECT * FROM rollout WHERE $1 = '' OR (created_at, id) < (SELECT created_at, id FROM rollout WHERE name = $1)
            ORDER BY created_at DESC, id DESC LIMIT $2`,
          [after, limit],
        ),
      ),
    live: async () =>
      (
        await db.query(
          `SELECT id FROM rollout WHERE ${isLive} OR (state = 'abandoned' AND EXISTS (
              SELECT 1 FROM rollout_target WHERE rollout_id = rollout.id AND state = 'open')) ORDER BY id`,
        )
      ).map(({ id }) => String(id)),
    take: async (id) =>
      firstOf<RolloutRow>(await db.query(`SELECT * FROM rollout WHERE id = $1 ${db.dialect.skipLocked}`, [id])),
    lock: async (id) =>
      firstOf<RolloutRow>(await db.query(`SELECT * FROM rollout WHERE id = $1 ${db.dialect.forUpdate}`, [id])),
    change: (id, fields) => change(db, 'rollout', id, fields),
    cancelUntaken: (id, error, at) => cancelUntaken(db, id, error, at),
    countByState: async () =>
      (await db.query('SELECT state, count(*) AS count FROM rollout GROUP BY state')).map(({ state, count }) => ({
        state: state as RolloutState,
        count: Number(count),
      })),
  }
}

/** Its jobs: deployments, and the renewals that it began itself. */
const itsJobs = `SELECT job_id FROM rollout_target WHERE rollout_id = $1 AND state = 'open' AND job_id IS NOT NULL
  UNION SELECT issuance_id FROM rollout_target WHERE rollout_id = $1 AND state = 'open' AND job_id IS NULL AND is_joined = 0`

async function cancelUntaken(db: Database, id: string, error: string, at: number): Promise<number> {
  // A renewal that runs has sent its CSR, and waits to be signed: nobody has it. Whoever signs it has the roll-out first.
  const cancelled = await db.query(
    `UPDATE job SET status = 'Cancelled', cancel_requested_at = $2, updated_at = $2, error = $3
      WHERE id IN (${itsJobs}) AND ${isOpen} AND (${isUntaken} OR (type = 'Renewal' AND status = 'Running')) RETURNING agent_id`,
    [id, at, error],
  )
  // Their hosts serve what they had before: the scheduler plans by that.
  await db.query(
    `UPDATE certificate SET next_renewal_at = $2 WHERE next_renewal_at > $2 AND id IN (
      SELECT certificate_id FROM job WHERE id IN (${itsJobs}) AND type = 'Deployment' AND status = 'Cancelled')`,
    [id, at],
  )
  await db.query(
    `UPDATE signing SET state = 'failed', error = $2 WHERE state = 'open' AND job_id IN (
      SELECT issuance_id FROM rollout_target WHERE rollout_id = $1 AND state = 'open' AND job_id IS NULL AND is_joined = 0)`,
    [id, error],
  )
  // Handed out, and not begun as far as is known: its agent is asked.
  const asked = await db.query(
    `UPDATE job SET cancel_requested_at = COALESCE(cancel_requested_at, $2), updated_at = $2
      WHERE id IN (${itsJobs}) AND status = 'Pending' AND ${isOpen} RETURNING agent_id`,
    [id, at],
  )
  await db.query(
    `UPDATE rollout_target SET is_recalled = 1 WHERE rollout_id = $1 AND state = 'open' AND job_id IN (
      SELECT id FROM job WHERE cancel_requested_at IS NOT NULL)`,
    [id],
  )
  await db.query(
    `UPDATE rollout_target SET state = 'waiting', since = NULL, spent_ms = 0, job_id = NULL, issuance_id = NULL, is_joined = 0, is_recalled = 0
      WHERE rollout_id = $1 AND state = 'open' AND COALESCE(job_id, issuance_id) IN (SELECT id FROM job WHERE status = 'Cancelled')`,
    [id],
  )
  for (const agentId of new Set([...cancelled, ...asked].map(({ agent_id }) => String(agent_id))))
    await db.notify(agentId)
  return cancelled.length
}
