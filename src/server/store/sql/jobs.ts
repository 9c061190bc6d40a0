import type { Database } from '../database.ts'
import type { JobStore, NewJob } from '../job-store.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { JobRow, JobStatus } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { changeOf, isHandedOut } from './job-changes.ts'
import { forgettingOf } from './job-forgetting.ts'
import { listsOf } from './job-lists.ts'
import { reapingOf } from './job-reaping.ts'

/** Jobs over SQL. */
export function sqlJobs(db: Database): JobStore {
  return {
    ...changeOf(db),
    ...reapingOf(db),
    ...forgettingOf(db),
    ...listsOf(db),
    add: async (job) => {
      const isNew = await insert(db, 'job', asRow(job))
      if (isNew) await db.notify(job.agentId)
      return isNew
    },
    byId: async (id) => firstOf<JobRow>(await db.query('SELECT * FROM job WHERE id = $1', [id])),
    newsFor: async (agentId, at) => {
      const rows = await db.query(
        `SELECT DISTINCT status, NULL AS id FROM job WHERE agent_id = $1 AND status IN ('Pending', 'AwaitingCSR') AND ${isOpen}
          AND ${isHandedOut('$2')} AND (lease_until IS NULL OR lease_until <= $2)
          UNION ALL SELECT NULL, id FROM (${toCancel}) AS to_cancel`,
        [agentId, at],
      )
      return {
        work: new Set(rows.flatMap(({ status }) => (status === null ? [] : [status as JobStatus]))),
        cancel: rows.flatMap(({ id }) => (id === null ? [] : [String(id)])),
      }
    },
    agentsWithWork: async (at, agentIds) =>
      (
        await db.query(
          `SELECT DISTINCT agent_id FROM job WHERE status IN ('Pending', 'AwaitingCSR') AND ${isOpen}
            AND ${isHandedOut('$1')} AND (lease_until IS NULL OR lease_until <= $1)`,
          [at],
        )
      )
        .map(({ agent_id }) => String(agent_id))
        .filter((id) => agentIds.has(id)),
    awaitingCsr: async (agentId, at, limit) =>
      fromRows<JobRow>(
        await db.query(
          `SELECT * FROM job WHERE agent_id = $1 AND status = 'AwaitingCSR' AND ${isOpen}
            AND ${isHandedOut('$2')} ORDER BY seq LIMIT $3`,
          [agentId, at, limit],
        ),
      ),
    longestOf: async (agentId) =>
      Number(
        (
          await db.query(
            `SELECT MAX(OCTET_LENGTH(certificate.sans) + OCTET_LENGTH(certificate.common_name)
                + COALESCE(OCTET_LENGTH(target.config), 0)) AS longest
              FROM job JOIN certificate ON certificate.id = job.certificate_id LEFT JOIN target ON target.id = job.target_id
              WHERE job.agent_id = $1 AND job.${isOpen}`,
            [agentId],
          )
        )[0]?.['longest'] ?? 0,
      ),
    cancelRequests: async (agentId) => (await db.query(toCancel, [agentId])).map(({ id }) => String(id)),
  }
}

const toCancel = `SELECT id FROM job WHERE agent_id = $1 AND ${isOpen} AND cancel_requested_at IS NOT NULL ORDER BY seq`

function asRow(job: NewJob): Omit<JobRow, 'seq'> {
  return {
    attempt: 0,
    leaseUntil: null,
    notBefore: null,
    handOutUntil: null,
    deadline: null,
    cancelRequestedAt: null,
    error: null,
    outcome: null,
    verification: null,
    updatedAt: job.createdAt,
    isReaped: false,
    isByHost: false,
    ...job,
    status: job.status satisfies JobStatus,
  }
}
