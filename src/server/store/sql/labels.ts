import type { Database, Value } from '../database.ts'
import type { Label, LabelStore, Labels } from '../label-store.ts'
import { fromRows } from './columns.ts'

const mostKnown = 1000

/** Labels over SQL. */
export function sqlLabels(db: Database): LabelStore {
  return {
    of: async (agentId) => {
      const rows = await db.query('SELECT name, value FROM agent_label WHERE agent_id = $1 ORDER BY name', [agentId])
      return Object.fromEntries(rows.map(({ name, value }) => [String(name), String(value)]))
    },
    lock: async (agentId) => {
      await db.query(`SELECT id FROM agent WHERE id = $1 ${db.dialect.forUpdate}`, [agentId])
    },
    set: async (agentId, { name, value }) => {
      await db.query(
        `INSERT INTO agent_label (agent_id, name, value) VALUES ($1, $2, $3)
          ON CONFLICT (agent_id, name) DO UPDATE SET value = excluded.value`,
        [agentId, name, value],
      )
    },
    remove: async (agentId, name) =>
      (await db.query('DELETE FROM agent_label WHERE agent_id = $1 AND name = $2 RETURNING name', [agentId, name]))
        .length > 0,
    isThere: async ({ name, value }) =>
      (await db.query('SELECT 1 AS found FROM agent_label WHERE name = $1 AND value = $2 LIMIT 1', [name, value]))
        .length > 0,
    known: async () =>
      fromRows<Label>(
        await db.query(`SELECT DISTINCT name, value FROM agent_label ORDER BY name, value LIMIT ${mostKnown}`),
      ),
  }
}

/** SQL, and the values from `$first` on: the agent whose id is in `column` has all of these. */
export function isLabelled(
  column: string,
  labels: readonly Label[],
  first: number,
): { readonly sql: string; readonly values: readonly Value[] } {
  const conditions = labels.map(
    (_, at) =>
      `AND ${column} IN (SELECT agent_id FROM agent_label WHERE name = $${first + 2 * at} AND value = $${first + 2 * at + 1})`,
  )
  return { sql: conditions.join(' '), values: labels.flatMap(({ name, value }) => [name, value]) }
}

/** A column of a SELECT: all labels of the agent whose id is in `column`, for `labelsIn`. Neither names nor values have a space. */
export function labelsOf(column: string): string {
  return `(SELECT string_agg(name || '=' || value, ' ') FROM agent_label WHERE agent_id = ${column}) AS labels`
}

/** What `labelsOf` has, by name. */
export function labelsIn(text: string | null): Labels {
  const pairs = (text ?? '').split(' ').filter((pair) => pair !== '')
  return Object.fromEntries(
    pairs.toSorted().map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const),
  )
}
