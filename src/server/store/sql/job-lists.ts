import type { Database } from '../database.ts'
import type { JobStore } from '../job-store.ts'
import { isOpen, isUnwell } from '../migration/first-schema.ts'
import type { JobRow, JobStatus, JobType, ListedJob } from '../rows.ts'
import { firstOf, fromRows } from './columns.ts'

const mostOfTarget = 1000

/** Jobs as they are listed, those that are over among them. */
export function listsOf(
  db: Database,
): Pick<JobStore, 'list' | 'countOpen' | 'lastIssuance' | 'ofTarget' | 'unsettledOfTarget'> {
  return {
    list: async ({ after, limit }, { agentId = '', targetId = '', status = '' } = {}) =>
      fromRows<ListedJob>(
        await db.query(
          `SELECT job.*, agent.name AS agent_name, target.name AS target_name, certificate.common_name
            FROM job JOIN agent ON agent.id = job.agent_id JOIN certificate ON certificate.id = job.certificate_id
            LEFT JOIN target ON target.id = job.target_id WHERE job.seq < $1
            ${agentId === '' ? "AND $3 = ''" : 'AND job.agent_id = $3'} ${targetId === '' ? "AND $4 = ''" : 'AND job.target_id = $4'}
            ${ofStatus(status)} ORDER BY job.seq DESC LIMIT $2`,
          [after === undefined ? Number.MAX_SAFE_INTEGER : Number(after), limit, agentId, targetId, status],
        ),
      ),
    countOpen: async () =>
      (await db.query(`SELECT status, count(*) AS count FROM job WHERE ${isOpen} GROUP BY status`)).map(
        ({ status, count }) => ({ status: status as JobStatus, count: Number(count) }),
      ),
    lastIssuance: async (certificateId) =>
      firstOf<JobRow>(
        await db.query(
          "SELECT * FROM job WHERE certificate_id = $1 AND type IN ('Issuance', 'Renewal') ORDER BY seq DESC LIMIT 1",
          [certificateId],
        ),
      ),
    ofTarget: async (targetId, types, isCompleted, limit = mostOfTarget) =>
      fromRows<JobRow>(
        await db.query(
          `SELECT * FROM job WHERE target_id = $1 AND ${isOneOf(types)}
            ${isCompleted ? "AND status = 'Completed'" : ''} ORDER BY seq DESC LIMIT $2`,
          [targetId, limit],
        ),
      ),
    unsettledOfTarget: async (targetId, types, { before, reapedAfter, since }) =>
      fromRows<JobRow>(
        await db.query(
          `SELECT * FROM job WHERE target_id = $1 AND ${isOneOf(types)} AND seq < $2
            AND (${isOpen} OR (is_reaped = 1 AND updated_at > $3) OR updated_at >= $4) ORDER BY seq DESC LIMIT $5`,
          [targetId, before, reapedAfter, since, mostOfTarget],
        ),
      ),
  }
}

function isOneOf(types: readonly JobType[]): string {
  return `type IN (${types.map((type) => `'${type}'`).join(', ')})`
}

/** By an index that has these jobs alone: of a million that are Completed none is looked at. */
function ofStatus(status: string): string {
  if (status === '') return "AND $5 = ''"
  if (status === 'Completed') return 'AND job.status = $5'
  const isOne = status === 'Failed' || status === 'Cancelled' ? isUnwell : isOpen
  return `AND job.status = $5 AND job.seq IN (SELECT seq FROM job WHERE status = $5 AND ${isOne})`
}
