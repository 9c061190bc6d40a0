import type { Database, Value } from '../database.ts'
import type { FleetFailure, FleetStore } from '../fleet-store.ts'
import { fromRows } from './columns.ts'

/** Longer ones are no codes. */
const longestCode = 64
const mostOfError = 2000

/** Of an error, what it begins with and what only codes have. Written so that both databases know every function. */
const head = `substr(COALESCE(job.error, ''), 1, ${longestCode})`
const codeOf = `substr(${head}, 1, length(${head}) - length(ltrim(${head}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_')))`
/** A sentence begins with a capital letter, too. */
const codeOrNone = `CASE WHEN length(${codeOf}) < 3 THEN '' ELSE ${codeOf} END`
const isFailed = "job.status = 'Failed'"

/** Jobs that failed, by an index that has these alone. */
export function fleetFailures(db: Database): Pick<FleetStore, 'countCodes' | 'countFailures' | 'failures'> {
  return {
    countCodes: async (since, limit) =>
      (
        await db.query(
          `SELECT ${codeOrNone} AS code, count(*) AS count FROM job WHERE ${isFailed} AND updated_at > $1
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $2`,
          [since, limit],
        )
      ).map(({ code, count }) => ({ code: String(code), count: Number(count) })),
    countFailures: async (since) =>
      Number(
        (await db.query(`SELECT count(*) AS count FROM job WHERE ${isFailed} AND updated_at > $1`, [since]))[0]?.[
          'count'
        ] ?? 0,
      ),
    failures: async ({ after = '', limit }, { since, type, code, agentId }) => {
      const [at, seq] = after === '' ? [Number.MAX_SAFE_INTEGER, 0] : after.split('-').map(Number)
      const values: Value[] = [at ?? 0, seq ?? 0, since, limit]
      const given = (value: string): string => `$${values.push(value)}`
      return fromRows<FleetFailure>(
        await db.query(
          `SELECT job.seq, job.id, job.type, agent.name AS agent_name, target.name AS target_name, certificate.common_name,
              substr(COALESCE(job.error, ''), 1, ${mostOfError}) AS error, job.updated_at, job.is_reaped
            FROM job JOIN agent ON agent.id = job.agent_id JOIN certificate ON certificate.id = job.certificate_id
            LEFT JOIN target ON target.id = job.target_id
            WHERE ${isFailed} AND (job.updated_at, job.seq) < ($1, $2) AND job.updated_at > $3
              ${type === undefined ? '' : `AND job.type = ${given(type)}`}
              ${code === undefined ? '' : `AND ${codeOrNone} = ${given(code)}`}
              ${agentId === undefined ? '' : `AND job.agent_id = ${given(agentId)}`}
            ORDER BY job.updated_at DESC, job.seq DESC LIMIT $4`,
          values,
        ),
      )
    },
  }
}
