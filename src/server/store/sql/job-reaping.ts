import type { Database } from '../database.ts'
import type { JobStore } from '../job-store.ts'
import { isOpen, isUntaken } from '../migration/first-schema.ts'
import { bringsRevoked } from './job-passes.ts'

type Reaping = Pick<
  JobStore,
  'agentsAtWork' | 'reap' | 'abandon' | 'expire' | 'cancelUntaken' | 'cancelRevoked' | 'endOfRetired'
>

/** On an agent, without a lease: nobody else ends it. */
const isAtWork = `type IN ('Deployment', 'TakeBack') AND status = 'Running' AND ${isOpen} AND lease_until IS NULL`

/** How jobs end of which nobody says anything any more. */
export function reapingOf(db: Database): Reaping {
  const idsOf = async (sql: string, values: Parameters<Database['query']>[1]): Promise<readonly string[]> =>
    (await db.query(`${sql} RETURNING id`, values)).map(({ id }) => String(id))
  return {
    agentsAtWork: async () =>
      (
        await db.query(
          `SELECT job.agent_id, max(presence.seen_at) AS seen_at
            FROM job LEFT JOIN presence ON presence.agent_id = job.agent_id WHERE ${isAtWork} GROUP BY job.agent_id`,
        )
      ).map(({ agent_id, seen_at }) => ({
        agentId: String(agent_id),
        seenAt: typeof seen_at === 'number' ? seen_at : null,
      })),
    reap: (agentId, heardAt, error, at) =>
      idsOf(
        `UPDATE job SET status = 'Failed', is_reaped = 1, error = $3, updated_at = $4
          WHERE agent_id = $1 AND updated_at <= $2 AND ${isAtWork}`,
        [agentId, heardAt, error, at],
      ),
    abandon: (agentId, error, at) =>
      idsOf(
        `UPDATE job SET status = 'Failed', error = $2, updated_at = $3
          WHERE agent_id = $1 AND ${isOpen} AND (status = 'Running' OR (status = 'Pending' AND lease_until IS NOT NULL))`,
        [agentId, error, at],
      ),
    cancelUntaken: (agentId, error, at) =>
      idsOf(
        `UPDATE job SET status = 'Cancelled', error = $2, updated_at = $3
          WHERE agent_id = $1 AND ${isOpen} AND ${isUntaken}`,
        [agentId, error, at],
      ),
    cancelRevoked: (certificateId, error, at) =>
      idsOf(
        `UPDATE job SET status = 'Cancelled', error = $2, updated_at = $3
          WHERE certificate_id = $1 AND ${isOpen} AND ${isUntaken} AND ${bringsRevoked}`,
        [certificateId, error, at],
      ),
    endOfRetired: (heardAt, error, at) =>
      idsOf(
        `UPDATE job SET status = 'Failed', is_reaped = 1, error = $2, updated_at = $3
          WHERE ${isOpen} AND (type NOT IN ('Issuance', 'Renewal') OR status = 'AwaitingCSR') AND agent_id IN (
            SELECT agent.id FROM agent LEFT JOIN presence ON presence.agent_id = agent.id
              WHERE agent.status = 'retired' AND COALESCE(presence.seen_at, 0) < $1)`,
        [heardAt, error, at],
      ),
    expire: (at, { untaken, taken }) =>
      idsOf(
        `UPDATE job SET status = CASE WHEN is_by_host = 1 THEN 'Cancelled' ELSE 'Failed' END, updated_at = $1,
            error = CASE WHEN attempt > 0 THEN $3 ELSE $2 END, is_reaped = CASE WHEN attempt > 0 THEN 1 ELSE 0 END
          WHERE deadline <= $1 AND ${isOpen} AND (status = 'AwaitingCSR'
            OR (status = 'Pending' AND (lease_until IS NULL OR lease_until <= $1)))`,
        [at, untaken, taken],
      ),
  }
}
