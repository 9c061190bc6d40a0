import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { Database } from '../database.ts'
import { firstSchema } from './first-schema.ts'

/** One step forward, from the version before to its own. */
type Step = (db: Database) => Promise<void>

/** The step to version n is at n - 1. A step that was released never changes. */
const steps: readonly Step[] = [
  async (db) => {
    for (const statement of firstSchema(db.dialect)) await db.query(statement)
  },
]

/** The version that this program reads and writes. */
export const schemaVersion = steps.length

/**
 * Brings the database to this program's version, in one transaction; other servers wait. `before`: what is done before the first
 * change, with the version that is there. DATABASE_NEWER: a newer program has written it.
 */
export async function migrate(db: Database): Promise<void> {
  await db.transaction(async (inside) => {
    if (inside.dialect.name === 'postgres') await inside.query('SELECT pg_advisory_xact_lock(8443)')
    await inside.query('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)')
    const there = await versionOf(inside)
    if (there > schemaVersion) {
      const hint = 'run the newer waxseal, or restore the backup that was made before its first start'
      throw new WaxsealError('DATABASE_NEWER', { version: there, known: schemaVersion, hint })
    }
    for (const step of steps.slice(there)) await step(inside)
    await inside.query(
      "INSERT INTO meta (name, value) VALUES ('version', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [String(schemaVersion)],
    )
  })
}

/** 0: nothing is there yet. */
async function versionOf(db: Database): Promise<number> {
  const [row] = await db.query("SELECT value FROM meta WHERE name = 'version'")
  return Number(row?.['value'] ?? 0)
}
