import type { Database } from '../database.ts'
import type { JobStore, NewJob } from '../job-store.ts'
import { isOpen, isUnwell } from '../migration/first-schema.ts'
import type { JobRow, JobStatus, ListedJob } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { changeOf } from './job-changes.ts'
import { reapingOf } from './job-reaping.ts'

/** Jobs over SQL. */
export function sqlJobs(db: Database): JobStore {
  return {
    ...changeOf(db),
    ...reapingOf(db),
    add: async (job) => {
      const isNew = await insert(db, 'job', asRow(job))
      if (isNew) await db.notify(job.agentId)
      return isNew
    },
    byId: async (id) => firstOf<JobRow>(await db.query('SELECT * FROM job WHERE id = $1', [id])),
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
    isWorkFor: async (agentId, at) =>
      (
        await db.query(
          `SELECT 1 AS found FROM job WHERE agent_id = $1 AND status IN ('Pending', 'AwaitingCSR') AND ${isOpen}
            AND (not_before IS NULL OR not_before <= $2) AND (lease_until IS NULL OR lease_until <= $2) LIMIT 1`,
          [agentId, at],
        )
      ).length > 0,
    agentsWithWork: async (at, agentIds) =>
      (
        await db.query(
          `SELECT DISTINCT agent_id FROM job WHERE status IN ('Pending', 'AwaitingCSR') AND ${isOpen}
            AND (not_before IS NULL OR not_before <= $1) AND (lease_until IS NULL OR lease_until <= $1)`,
          [at],
        )
      )
        .map(({ agent_id }) => String(agent_id))
        .filter((id) => agentIds.has(id)),
    awaitingCsr: async (agentId, at, limit) =>
      fromRows<JobRow>(
        await db.query(
          `SELECT * FROM job WHERE agent_id = $1 AND status = 'AwaitingCSR' AND ${isOpen}
            AND (not_before IS NULL OR not_before <= $2) ORDER BY seq LIMIT $3`,
          [agentId, at, limit],
        ),
      ),
    cancelRequests: async (agentId) =>
      (
        await db.query(
          `SELECT id FROM job WHERE agent_id = $1 AND ${isOpen} AND cancel_requested_at IS NOT NULL ORDER BY seq`,
          [agentId],
        )
      ).map(({ id }) => String(id)),
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
          `SELECT * FROM job WHERE target_id = $1 AND type IN (${types.map((type) => `'${type}'`).join(', ')})
            ${isCompleted ? "AND status = 'Completed'" : ''} ORDER BY seq DESC LIMIT $2`,
          [targetId, limit],
        ),
      ),
  }
}

const mostOfTarget = 1000

/** By an index that has these jobs alone: of a million that are Completed none is looked at. */
function ofStatus(status: string): string {
  if (status === '') return "AND $5 = ''"
  if (status === 'Completed') return 'AND job.status = $5'
  const isOne = status === 'Failed' || status === 'Cancelled' ? isUnwell : isOpen
  return `AND job.status = $5 AND job.seq IN (SELECT seq FROM job WHERE status = $5 AND ${isOne})`
}

function asRow(job: NewJob): Omit<JobRow, 'seq'> {
  return {
    attempt: 0,
    leaseUntil: null,
    notBefore: null,
    deadline: null,
    cancelRequestedAt: null,
    error: null,
    outcome: null,
    verification: null,
    updatedAt: job.createdAt,
    isReaped: false,
    ...job,
    status: job.status satisfies JobStatus,
  }
}
