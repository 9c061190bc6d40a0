import { readVersion } from '../../authority/read-version.ts'
import { dueAt } from '../../renewal/when-due.ts'
import type { Database } from '../database.ts'
import { insert } from '../sql/columns.ts'

/** The tables of Waxseal 0.1 and 0.2, whose files have no version; some of them lack the last two. */
const tables = ['token', 'agent', 'target', 'certificate', 'deploy_to', 'job', 'reaped', 'drift'] as const
const addedLater = [
  'CREATE TABLE IF NOT EXISTS reaped (job_id TEXT PRIMARY KEY REFERENCES job(id)) STRICT',
  `CREATE TABLE IF NOT EXISTS drift (
    target_id TEXT PRIMARY KEY REFERENCES target(id), reasons TEXT NOT NULL, since TEXT NOT NULL) STRICT`,
]
/** Their times are RFC 3339. */
const ms = (column: string): string => `CAST(round(unixepoch(${column}, 'subsec') * 1000) AS INTEGER)`

/** Whether this is the file of such a version. */
export async function isUnversioned(db: Database): Promise<boolean> {
  if (db.dialect.name !== 'sqlite') return false
  const found = await db.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('job', 'meta')")
  return found.length === 1 && found[0]?.['name'] === 'job'
}

/** Gives the old tables other names. */
export async function moveOldTables(db: Database): Promise<void> {
  for (const statement of addedLater) await db.query(statement)
  for (const table of tables) await db.query(`ALTER TABLE ${table} RENAME TO old_${table}`)
}

/**
 * Fills the tables of version 1 from the old ones, which end. What ran goes on under the reaper's rules, without a lease; when a
 * certificate ends is read from its PEM.
 */
export async function takeOldRows(db: Database): Promise<void> {
  for (const statement of copies) await db.query(statement)
  await addVersions(db)
  // Those that refer to others first.
  for (const table of tables.toReversed()) await db.query(`DROP TABLE old_${table}`)
}

const copies = [
  `INSERT INTO agent (id, name, hostname, status, features, registered_at)
    SELECT id, name, hostname, status, '[]', ${ms('registered_at')} FROM old_agent`,
  `INSERT INTO credential (hash, agent_id, created_at, used_at)
    SELECT credential_hash, id, ${ms('registered_at')}, ${ms('registered_at')} FROM old_agent`,
  `INSERT INTO presence (agent_id, seen_at, heartbeat_at)
    SELECT id, ${ms('last_heartbeat_at')}, ${ms('last_heartbeat_at')} FROM old_agent WHERE last_heartbeat_at IS NOT NULL`,
  `INSERT INTO token (hash, uses_left, created_at, created_by)
    SELECT hash, 1, ${ms('created_at')}, 'operator:admin' FROM old_token`,
  'INSERT INTO target (id, name, agent_id, type, config) SELECT id, name, agent_id, type, config FROM old_target',
  `INSERT INTO certificate (id, agent_id, common_name, sans, validity_days, issuers, key_policy, renewal_failures, created_at)
    SELECT id, agent_id, common_name, sans, validity_days, '[]', 'rotate', 0, COALESCE(${ms('first')}, 0)
    FROM old_certificate LEFT JOIN (
      SELECT certificate_id, min(created_at) AS first FROM old_job GROUP BY certificate_id) ON certificate_id = id`,
  'INSERT INTO deploy_to (certificate_id, target_id) SELECT certificate_id, target_id FROM old_deploy_to',
  `INSERT INTO job (seq, id, type, agent_id, certificate_id, target_id, status, attempt, error, outcome, verification,
      created_at, updated_at, is_reaped)
    SELECT rowid, id, type, agent_id, certificate_id, target_id, status,
      CASE WHEN status IN ('Pending', 'AwaitingCSR') THEN 0 ELSE 1 END, error, outcome, verification, ${ms('created_at')},
      ${ms('updated_at')}, CASE WHEN id IN (SELECT job_id FROM old_reaped) THEN 1 ELSE 0 END
    FROM old_job ORDER BY rowid`,
  'INSERT INTO drift (target_id, reasons, since) SELECT target_id, reasons, since FROM old_drift',
] as const

/** Each certificate that was signed has one version: the older ones were not kept. */
async function addVersions(db: Database): Promise<void> {
  const rows = await db.query('SELECT id, certificate_pem FROM old_certificate WHERE certificate_pem IS NOT NULL')
  for (const { id, certificate_pem } of rows) {
    const version = readable(String(certificate_pem))
    if (version === null) continue
    const signed = { certificateId: id, number: 1, issuer: 'local', issuedAt: version.notBefore, revokedAt: null }
    await insert(db, 'version', { ...version, ...signed })
    // What is deployed nowhere was a trial. What another one has followed the scheduler finds.
    await db.query(
      `UPDATE certificate SET next_renewal_at = $2
        WHERE id = $1 AND id IN (SELECT certificate_id FROM deploy_to)`,
      [String(id), dueAt({ ...version, certificateId: String(id) }, null)],
    )
  }
  await db.query(
    `UPDATE job SET version_number = 1
      WHERE type <> 'Issuance' AND certificate_id IN (SELECT certificate_id FROM version)`,
  )
}

/** Null: no agent could have deployed it. */
function readable(pem: string): ReturnType<typeof readVersion> | null {
  try {
    return readVersion(pem)
  } catch {
    return null
  }
}
