import type { Database, Value } from '../database.ts'
import type { FleetDrift, FleetHost, FleetStore, HostState } from '../fleet-store.ts'
import { fromRows } from './columns.ts'
import { isLabelled, labelsIn, labelsOf } from './labels.ts'
import { containing } from './search.ts'

/** $1: `silentBefore`. */
const stateOf = `CASE WHEN agent.status <> 'active' THEN 'retired' WHEN presence.seen_at IS NULL THEN 'never'
  WHEN presence.seen_at < $1 THEN 'silent' ELSE 'calling' END`
/** $2: `twinSince`. */
const isTwinNow = "(agent.status = 'active' AND presence.twin_at > $2)"
const agents = 'agent LEFT JOIN presence ON presence.agent_id = agent.id'
const ofActive =
  "drift JOIN target ON target.id = drift.target_id JOIN agent ON agent.id = target.agent_id AND agent.status = 'active'"

/** Hosts, and what drifts on them. */
export function fleetHosts(db: Database): Pick<FleetStore, 'countHosts' | 'hosts' | 'countDrift' | 'drift'> {
  return {
    countHosts: async ({ silentBefore, twinSince }) => {
      const rows = await db.query(
        `SELECT ${stateOf} AS state, count(*) AS count, sum(CASE WHEN ${isTwinNow} THEN 1 ELSE 0 END) AS twins
          FROM ${agents} GROUP BY 1`,
        [silentBefore, twinSince],
      )
      return {
        states: Object.fromEntries(rows.map(({ state, count }) => [state as HostState, Number(count)])),
        twins: rows.reduce((sum, { twins }) => sum + Number(twins), 0),
      }
    },
    hosts: async (
      { after = '', limit },
      { silentBefore, twinSince },
      { agentId, state, isTwin = false, text, labels = [] } = {},
    ) => {
      const values: Value[] = [silentBefore, twinSince, after, limit]
      const given = (value: string): string => `$${values.push(value)}`
      const labelled = isLabelled('agent.id', labels, values.length + 1)
      values.push(...labelled.values)
      const rows = fromRows<Omit<FleetHost, 'labels'> & { readonly labels: string | null }>(
        await db.query(
          `SELECT agent.id, agent.name, agent.hostname, presence.seen_at, presence.twin,
              CASE WHEN ${isTwinNow} THEN presence.twin_at END AS twin_at, ${stateOf} AS state,
              CASE WHEN EXISTS (SELECT 1 FROM hold WHERE hold.agent_id = agent.id) THEN 1 ELSE 0 END AS is_held,
              (SELECT count(*) FROM target WHERE target.agent_id = agent.id) AS targets,
              (SELECT count(*) FROM target JOIN drift ON drift.target_id = target.id
                WHERE target.agent_id = agent.id) AS drifting, ${labelsOf('agent.id')}
            FROM ${agents} WHERE agent.name > $3 ${labelled.sql}
              ${agentId === undefined ? '' : `AND agent.id = ${given(agentId)}`}
              ${state === undefined ? '' : `AND ${stateOf} = ${given(state)}`} ${isTwin ? `AND ${isTwinNow}` : ''}
              ${text === undefined ? '' : `AND lower(agent.name || ' ' || agent.hostname) LIKE lower(${given(containing(text))}) ESCAPE '!'`}
            ORDER BY agent.name LIMIT $4`,
          values,
        ),
      )
      return rows.map((row) => ({ ...row, labels: labelsIn(row.labels) }))
    },
    countDrift: async () => Number((await db.query(`SELECT count(*) AS count FROM ${ofActive}`))[0]?.['count'] ?? 0),
    drift: async ({ after = '', limit }, { agentId } = {}) =>
      fromRows<FleetDrift>(
        await db.query(
          `SELECT drift.*, target.name, target.type, agent.name AS agent_name FROM ${ofActive}
            WHERE target.name > $1 ${agentId === undefined ? '' : 'AND target.agent_id = $3'} ORDER BY target.name LIMIT $2`,
          [after, limit, ...(agentId === undefined ? [] : [agentId])],
        ),
      ),
  }
}
