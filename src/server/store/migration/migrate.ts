import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { Database } from '../database.ts'
import { acmeOrders } from './acme-orders.ts'
import { agentLabels } from './agent-labels.ts'
import { certificateKeys } from './certificate-keys.ts'
import { challenges } from './challenges.ts'
import { clientCertificates } from './client-certificates.ts'
import { discovered } from './discovered.ts'
import { endedIndices } from './ended-indices.ts'
import { fallBack } from './fall-back.ts'
import { firstSchema } from './first-schema.ts'
import { fleetIndices } from './fleet-indices.ts'
import { hostRollbacks } from './host-rollbacks.ts'
import { looks } from './looks.ts'
import { matters } from './matters.ts'
import { oftenAsked } from './often-asked.ts'
import { registeredDomains } from './registered-domains.ts'
import { renewalInfo } from './renewal-info.ts'
import { renewalWindows } from './renewal-windows.ts'
import { rollouts } from './rollouts.ts'
import { rollovers } from './rollovers.ts'
import { sessionTable } from './sessions.ts'
import { standingOrders } from './standing-orders.ts'
import { isUnversioned, moveOldTables, takeOldRows } from './unversioned.ts'

/** One step forward, from the version before to its own. */
type Step = (db: Database) => Promise<void>

/** One that only runs statements. */
function tables(statements: (dialect: Database['dialect']) => readonly string[]): Step {
  return async (db) => {
    for (const statement of statements(db.dialect)) await db.query(statement)
  }
}

/** The step to version n is at n - 1. A step that was released never changes. */
const steps: readonly Step[] = [
  async (db) => {
    const isOld = await isUnversioned(db)
    if (isOld) await moveOldTables(db)
    for (const statement of firstSchema(db.dialect)) await db.query(statement)
    if (isOld) await takeOldRows(db)
  },
  tables(agentLabels),
  tables(standingOrders),
  tables(discovered),
  tables((dialect) => [...sessionTable(dialect), ...fleetIndices]),
  tables(rollouts),
  tables(clientCertificates),
  tables(() => oftenAsked),
  tables(renewalWindows),
  tables(matters),
  tables(challenges),
  tables(() => certificateKeys),
  tables(renewalInfo),
  tables(rollovers),
  tables(fallBack),
  tables(acmeOrders),
  tables(looks),
  tables(() => endedIndices),
  tables(hostRollbacks),
  tables(registeredDomains),
]

/** The version that this program reads and writes. */
export const schemaVersion = steps.length

/** What a database was written by; `empty`: nothing yet. */
export type FoundVersion = number | 'empty'

/**
 * Brings the database to this program's version, in one transaction; other servers wait for it. DATABASE_NEWER: a newer program
 * has written it. `backUp` runs before the first change of a database that is not empty. Returns the version that it had.
 */
export async function migrate(db: Database, backUp: (to: number) => Promise<void>): Promise<FoundVersion> {
  const found = await versionOf(db)
  if (found === schemaVersion) return found
  refuseNewer(found)
  if (found !== 'empty') await backUp(schemaVersion)
  await db.transaction(async (inside) => {
    if (inside.dialect.name === 'postgres') await inside.query('SELECT pg_advisory_xact_lock(8443)')
    // Another server may have been first.
    const there = await versionOf(inside)
    refuseNewer(there)
    for (const step of steps.slice(there === 'empty' ? 0 : there)) await step(inside)
    await inside.query('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)')
    await inside.query(
      "INSERT INTO meta (name, value) VALUES ('version', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [String(schemaVersion)],
    )
  })
  return found
}

function refuseNewer(found: FoundVersion): void {
  if (found === 'empty' || found <= schemaVersion) return
  const hint = 'run the newer waxseal, or put the backup in its place that it made before it changed the database'
  throw new WaxsealError('DATABASE_NEWER', { version: found, known: schemaVersion, hint })
}

/** What is there; 0: of a program that wrote no version. */
export async function versionOf(db: Database): Promise<FoundVersion> {
  if (await isUnversioned(db)) return 0
  const catalogue =
    db.dialect.name === 'sqlite'
      ? "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'meta'"
      : // Not to_regclass: behind a lock it may still look at the catalogue of before.
        "SELECT 1 AS found FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'meta'"
  if ((await db.query(catalogue)).length === 0) return 'empty'
  const [row] = await db.query("SELECT value FROM meta WHERE name = 'version'")
  return Number(row?.['value'] ?? 0)
}
