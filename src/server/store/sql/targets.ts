import type { Database } from '../database.ts'
import type { DriftRow, TargetRow } from '../rows.ts'
import type { ListedTarget, TargetStore } from '../store.ts'
import { change, firstOf, fromRows, insert } from './columns.ts'
import { isLabelled } from './labels.ts'
import { named, namesIn } from './named.ts'

type Joined = TargetRow & {
  readonly agentName: string
  readonly reasons: DriftRow['reasons'] | null
  readonly since: string
}

/** Targets over SQL. */
export function sqlTargets(db: Database): TargetStore {
  return {
    add: (target) => insert(db, 'target', target),
    byId: async (id) => firstOf<TargetRow>(await db.query('SELECT * FROM target WHERE id = $1', [id])),
    named: (text) => named<TargetRow>(db, 'target', text),
    names: () => namesIn(db, 'target'),
    change: (id, type, config) => change(db, 'target', id, { type, config }),
    list: async ({ after = '', limit }, { agentId = '', labels = [] } = {}) => {
      const labelled = isLabelled('target.agent_id', labels, 4)
      const rows = await db.query(
        `SELECT target.*, agent.name AS agent_name, drift.reasons, drift.since
          FROM target JOIN agent ON agent.id = target.agent_id LEFT JOIN drift ON drift.target_id = target.id
          WHERE target.name > $1 AND ($3 = '' OR target.agent_id = $3) ${labelled.sql} ORDER BY target.name LIMIT $2`,
        [after, limit, agentId, ...labelled.values],
      )
      return fromRows<Joined>(rows).map(asListed)
    },
    setDrift: ({ targetId, reasons, since }) =>
      db.transaction(async (inside) => {
        await inside.query('DELETE FROM drift WHERE target_id = $1', [targetId])
        if (reasons.length > 0) await insert(inside, 'drift', { targetId, reasons, since })
      }),
  }
}

function asListed({ reasons, since, ...target }: Joined): ListedTarget {
  return { ...target, drift: reasons === null ? null : { targetId: target.id, reasons, since } }
}
