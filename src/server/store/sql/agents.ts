import type { Database } from '../database.ts'
import type { AgentRow, PresenceRow } from '../rows.ts'
import type { AgentStore, ListedAgent, PresenceStore } from '../store.ts'
import { change, firstOf, fromRows, insert } from './columns.ts'
import { sqlIdentities } from './hosts.ts'
import { isLabelled, labelsIn, labelsOf } from './labels.ts'
import { named, namesIn } from './named.ts'

/** Agents over SQL. */
export function sqlAgents(db: Database): AgentStore {
  return {
    add: (agent) => insert(db, 'agent', agent),
    countActive: async () => {
      const [row] = await db.query("SELECT count(*) AS count FROM agent WHERE status = 'active'")
      return Number(row?.['count'] ?? 0)
    },
    named: (text) => named<AgentRow>(db, 'agent', text),
    names: () => namesIn(db, 'agent'),
    list: async ({ after = '', limit }, { status = '', labels = [] } = {}) => {
      const labelled = isLabelled('agent.id', labels, 4)
      const rows = await db.query(
        `SELECT agent.*, presence.seen_at, presence.heartbeat_at, presence.twin, presence.twin_at, ${labelsOf('agent.id')}
          FROM agent LEFT JOIN presence ON presence.agent_id = agent.id
          WHERE ($1 = '' OR (registered_at, id) > (SELECT registered_at, id FROM agent WHERE id = $1))
            AND ($3 = '' OR agent.status = $3) ${labelled.sql}
          ORDER BY registered_at, id LIMIT $2`,
        [after, limit, status, ...labelled.values],
      )
      return fromRows<Omit<ListedAgent, 'labels'> & { readonly labels: string | null }>(rows).map((row) => ({
        ...row,
        labels: labelsIn(row.labels),
      }))
    },
    retire: (id) => change(db, 'agent', id, { status: 'retired' }),
    readmit: (id, hostname, features) => change(db, 'agent', id, { status: 'active', hostname, features }),
    setFeatures: (id, features) => change(db, 'agent', id, { features }),
  }
}

/** So many rows are written by one statement: a few lengths, for each text is planned once for each connection, and kept. */
const together = [256, 32, 4, 1]

function recordOf(rows: number): string {
  const values = Array.from({ length: rows }, (_, at) => `($${3 * at + 1}, $${3 * at + 2}, $${3 * at + 3})`)
  return `INSERT INTO presence (agent_id, seen_at, heartbeat_at) VALUES ${values.join(', ')}
    ON CONFLICT (agent_id) DO UPDATE SET
      seen_at = CASE WHEN excluded.seen_at > presence.seen_at THEN excluded.seen_at ELSE presence.seen_at END,
      heartbeat_at = COALESCE(excluded.heartbeat_at, presence.heartbeat_at)`
}

/** Presence over SQL. */
export function sqlPresence(db: Database): PresenceStore {
  return {
    record: (rows) =>
      db.transaction(async (inside) => {
        // In one order, so that two servers do not wait for each other.
        let left = rows.toSorted((one, other) => (one.agentId < other.agentId ? -1 : 1))
        while (left.length > 0) {
          const size = together.find((most) => most <= left.length) ?? 1
          const part = left.slice(0, size)
          await inside.query(
            recordOf(size),
            part.flatMap(({ agentId, seenAt, heartbeatAt }) => [agentId, seenAt, heartbeatAt]),
          )
          left = left.slice(size)
        }
      }),
    of: async (agentId) =>
      firstOf<PresenceRow>(
        await db.query('SELECT agent_id, seen_at, heartbeat_at FROM presence WHERE agent_id = $1', [agentId]),
      ),
    ...sqlIdentities(db),
  }
}
