import type { Database } from '../database.ts'
import type { JobStore } from '../job-store.ts'
import { isOpen, isUntaken } from '../migration/first-schema.ts'
import type { JobRow, JobStatus } from '../rows.ts'
import { fromRows, toColumn } from './columns.ts'
import { bringsRevoked, isPassed } from './job-passes.ts'

type ByAgent = Pick<JobStore, 'claim' | 'renewLease' | 'beginByHost' | 'start' | 'finish' | 'setVerification'>
type ByOthers = Pick<JobStore, 'move' | 'cancel' | 'end' | 'postpone' | 'offerAgain'>
/** Whether an UPDATE found its row. */
type IsChanged = (sql: string, values: Parameters<Database['query']>[1]) => Promise<boolean>

/** SQL: it is its time, nothing holds it up, it brings nothing revoked, and its host does not begin it by itself. */
export function isHandedOut(at: '$1' | '$2'): string {
  return `is_by_host = 0 AND (not_before IS NULL OR not_before <= ${at}) AND (hand_out_until IS NULL OR hand_out_until > ${at}) AND ${isPassed(at)} AND NOT ${bringsRevoked}`
}

const oldestFirst = (one: JobRow, other: JobRow): number => one.seq - other.seq

/** What becomes of a job. Each is one statement: of two that come at once, one finds the row as the other left it. */
export function changeOf(db: Database): ByAgent & ByOthers {
  const isChanged: IsChanged = async (sql, values) => (await db.query(`${sql} RETURNING id`, values)).length > 0
  return { ...byAgent(db, isChanged), ...byOthers(db, isChanged) }
}

/** What the agent of a job says and does. */
function byAgent(db: Database, isChanged: IsChanged): ByAgent {
  return {
    claim: async ({ agentId, at, leaseMs, limit, isHeld = false }) =>
      fromRows<JobRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT id FROM job WHERE agent_id = $1 AND status = 'Pending' AND ${isOpen}
                ${isHeld ? "AND type = 'Validation'" : ''}
                AND ${isHandedOut('$2')} AND (deadline IS NULL OR deadline > $2)
                AND (lease_until IS NULL OR lease_until <= $2) ORDER BY seq LIMIT $5 ${db.dialect.skipLocked})
            UPDATE job SET attempt = attempt + 1, updated_at = $2, status = $3, lease_until = $4
              WHERE id IN (SELECT id FROM taken) RETURNING *`,
          [agentId, at, leaseMs === null ? 'Running' : 'Pending', leaseMs === null ? null : at + leaseMs, limit],
        ),
      ).toSorted(oldestFirst),
    renewLease: (id, agentId, until) =>
      isChanged(
        `UPDATE job SET lease_until = $3
          WHERE id = $1 AND agent_id = $2 AND lease_until IS NOT NULL AND status IN ('Pending', 'Running')`,
        [id, agentId, until],
      ),
    beginByHost: (id, agentId, at) =>
      isChanged(
        `UPDATE job SET status = 'Running', attempt = 1, updated_at = $3
          WHERE id = $1 AND agent_id = $2 AND is_by_host = 1 AND status IN ('Pending', 'Running')`,
        [id, agentId, at],
      ),
    start: (id, agentId, at) =>
      isChanged(
        `UPDATE job SET status = 'Running', updated_at = $3
          WHERE id = $1 AND agent_id = $2 AND status IN ('Pending', 'Running')`,
        [id, agentId, at],
      ),
    finish: ({ id, agentId, status, error, outcome, at }) =>
      isChanged(
        `UPDATE job SET status = $3, error = $4, outcome = $5, updated_at = $6, is_reaped = 0
          WHERE id = $1 AND agent_id = $2 AND (${isOpen} OR is_reaped = 1)`,
        [id, agentId, status, error, toColumn(outcome), at],
      ),
    setVerification: (id, agentId, verification) =>
      isChanged('UPDATE job SET verification = $3 WHERE id = $1 AND agent_id = $2', [
        id,
        agentId,
        toColumn(verification),
      ]),
  }
}

/** What operators and the server do with it. */
function byOthers(db: Database, isChanged: IsChanged): ByOthers {
  return {
    move: (id, from, to, at, error) =>
      isChanged(
        `UPDATE job SET status = $2, updated_at = $3, error = $4 WHERE id = $1 AND status IN (${quoted(from)})`,
        [id, to, at, error ?? null],
      ),
    postpone: (id, notBefore, handOutUntil) =>
      isChanged(`UPDATE job SET not_before = $2, hand_out_until = $3 WHERE id = $1 AND ${isOpen} AND ${isUntaken}`, [
        id,
        notBefore,
        handOutUntil,
      ]),
    offerAgain: async (id, notBefore, handOutUntil) => {
      await isChanged(`UPDATE job SET not_before = $2, hand_out_until = $3 WHERE id = $1 AND status = 'Pending'`, [
        id,
        notBefore,
        handOutUntil,
      ])
    },
    end: (id, error, at) =>
      isChanged(
        `UPDATE job SET status = 'Failed', is_reaped = 1, error = $2, updated_at = $3 WHERE id = $1 AND ${isOpen}`,
        [id, error, at],
      ),
    cancel: async (id, at) => {
      const [row] = await db.query(
        `UPDATE job SET cancel_requested_at = COALESCE(cancel_requested_at, $2), updated_at = $2,
            status = CASE WHEN ${isUntaken} THEN 'Cancelled' ELSE status END
          WHERE id = $1 AND ${isOpen} RETURNING status, agent_id`,
        [id, at],
      )
      if (row !== undefined) await db.notify(String(row['agent_id']))
      return row === undefined ? null : (String(row['status']) as JobStatus)
    },
  }
}

function quoted(states: readonly JobStatus[]): string {
  return states.map((state) => `'${state}'`).join(', ')
}
