import type { Database, Value } from '../database.ts'
import type { EndCounts, EndState, FleetCertificate, FleetStore } from '../fleet-store.ts'
import { fromRows } from './columns.ts'
import { isLabelled } from './labels.ts'
import { containing } from './search.ts'

const dayMs = 86_400_000

/** In an index that has nothing else: one step, however many versions the certificate had. */
function ofNewest(column: 'not_before' | 'not_after'): string {
  return `(SELECT version.${column} FROM version WHERE version.certificate_id = certificate.id
    ORDER BY version.number DESC LIMIT 1) AS ${column}`
}

/** SQL: certificates, with the times of their newest versions. Materialized, or SQLite looks for these anew in each WHEN below. */
function newestEnds(filters = ''): string {
  return `(WITH newest AS MATERIALIZED (
      SELECT certificate.id, agent.status, certificate.next_renewal_at, certificate.last_error,
        ${ofNewest('not_before')}, ${ofNewest('not_after')}
        FROM certificate JOIN agent ON agent.id = certificate.agent_id WHERE 1 = 1 ${filters})
    SELECT * FROM newest) AS newest`
}

/** What is signed and has no next renewal was a trial, or is of a host that is gone. $1 to $4: now, and a day, a week and a month later. */
const endOf = `CASE
  WHEN status <> 'active' OR (next_renewal_at IS NULL AND not_after IS NOT NULL) THEN 'unused'
  WHEN not_after IS NULL THEN 'unsigned'
  WHEN not_after <= $1 THEN 'expired' WHEN not_after <= $2 THEN 'day'
  WHEN not_after <= $3 THEN 'week' WHEN not_after <= $4 THEN 'month' ELSE 'later' END`

/** The share of `lifetimeOf`, in whole numbers. */
const isLateNow = `(${endOf} NOT IN ('unused', 'unsigned', 'expired') AND ($1 - not_before) * 10 >= (not_after - not_before) * 9)`

function timesAt(at: number): readonly number[] {
  return [at, at + dayMs, at + 7 * dayMs, at + 30 * dayMs]
}

/** Certificates by the ends of their newest versions. */
export function fleetCertificates(db: Database): Pick<FleetStore, 'countEnds' | 'certificates'> {
  return {
    countEnds: async (at) => {
      const rows = await db.query(
        `SELECT ${endOf} AS ends, count(*) AS count, count(last_error) AS failing,
            sum(CASE WHEN ${isLateNow} THEN 1 ELSE 0 END) AS late FROM ${newestEnds()} GROUP BY 1`,
        timesAt(at),
      )
      const counts = rows.map((row) => [row['ends'] as EndState, Number(row['count'])] as const)
      const ends: EndCounts['ends'] = Object.fromEntries(counts)
      const failing = rows.reduce((sum, row) => sum + (row['ends'] === 'unused' ? 0 : Number(row['failing'])), 0)
      return { ends, failing, late: rows.reduce((sum, row) => sum + Number(row['late']), 0) }
    },
    certificates: async (
      { after = '', limit },
      at,
      { ends, isFailing = false, isLate = false, agentId, text, labels = [] } = {},
    ) => {
      const [end, id] = keyIn(after)
      const values: Value[] = [...timesAt(at), end, id, limit]
      const given = (value: string): string => `$${values.push(value)}`
      const labelled = isLabelled('certificate.agent_id', labels, values.length + 1)
      values.push(...labelled.values)
      const filters = [
        labelled.sql,
        isFailing ? 'AND certificate.last_error IS NOT NULL' : '',
        agentId === undefined ? '' : `AND certificate.agent_id = ${given(agentId)}`,
        text === undefined ? '' : `AND ${named} LIKE lower(${given(containing(text))}) ESCAPE '!'`,
      ]
      return fromRows<FleetCertificate>(
        await db.query(
          `SELECT certificate.id, common_name, sans, certificate.agent_id, agent.name AS agent_name, next_renewal_at,
              last_error, certificate.revoked_at, part.ends, version.number, version.not_before, version.not_after
            FROM (SELECT id AS part_id, ${endOf} AS ends, COALESCE(not_after, 0) AS place FROM ${newestEnds(filters.join(' '))}
              WHERE (COALESCE(not_after, 0), id) > ($5, $6) AND ${endOf} ${ends === undefined ? "<> 'unused'" : `= ${given(ends)}`}
                ${isLate ? `AND ${isLateNow}` : ''} ORDER BY COALESCE(not_after, 0), id LIMIT $7) AS part
            JOIN certificate ON certificate.id = part.part_id JOIN agent ON agent.id = certificate.agent_id
            LEFT JOIN version ON version.certificate_id = certificate.id AND version.number = (
              SELECT max(number) FROM version AS each WHERE each.certificate_id = certificate.id)
            ORDER BY part.place, part.part_id`,
          values,
        ),
      )
    },
  }
}

const named = "lower(certificate.common_name || ' ' || certificate.sans)"

/** The end and the id of the last one that is known. */
function keyIn(after: string): readonly [number, string] {
  const dash = after.indexOf('-')
  return dash < 0 ? [-1, ''] : [Number(after.slice(0, dash)), after.slice(dash + 1)]
}
