import type { Database } from '../database.ts'
import { firstOf } from './columns.ts'

const mostNames = 1000

/** The row of a table with this id, else the one with this name. */
export async function named<Row extends object>(
  db: Database,
  table: 'agent' | 'target' | 'rollout',
  text: string,
): Promise<Row | null> {
  return firstOf<Row>(
    await db.query(
      `SELECT * FROM ${table} WHERE id = $1 OR name = $1 ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1`,
      [text],
    ),
  )
}

/** At most a thousand. */
export async function namesIn(db: Database, table: 'agent' | 'target' | 'rollout'): Promise<readonly string[]> {
  const rows = await db.query(`SELECT name FROM ${table} ORDER BY name LIMIT $1`, [mostNames])
  return rows.map(({ name }) => String(name))
}
