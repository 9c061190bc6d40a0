import { DatabaseSync } from 'node:sqlite'

/** The rows of the bundled control plane, in the words of the protocol. */
export interface AgentRow {
  readonly id: string
  readonly name: string
  readonly hostname: string
  readonly status: 'active' | 'retired'
  readonly registered_at: string
  readonly last_heartbeat_at: string | null
}

export interface TargetRow {
  readonly id: string
  readonly name: string
  readonly agent_id: string
  readonly type: string
  /** JSON. */
  readonly config: string
}

export interface CertificateRow {
  readonly id: string
  readonly agent_id: string
  readonly common_name: string
  /** JSON array. */
  readonly sans: string
  readonly validity_days: number
  /** PEM of the newest version; null: not signed yet. */
  readonly certificate_pem: string | null
}

export interface JobRow {
  readonly id: string
  readonly type: 'Issuance' | 'Deployment' | 'Validation' | 'TakeBack'
  readonly agent_id: string
  readonly certificate_id: string
  readonly target_id: string | null
  readonly status: 'Pending' | 'AwaitingCSR' | 'Running' | 'Completed' | 'Failed'
  readonly error: string | null
  /** JSON of the reported outcome. */
  readonly outcome: string | null
  /** JSON of the reported verification. */
  readonly verification: string | null
  readonly created_at: string
  readonly updated_at: string
}

/** What is not as it was deployed to a target. */
export interface DriftRow {
  readonly target_id: string
  /** JSON array of sentences. */
  readonly reasons: string
  /** When an agent first saw it so. */
  readonly since: string
}

const schema = `
  CREATE TABLE IF NOT EXISTS token (hash TEXT PRIMARY KEY, created_at TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS agent (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hostname TEXT NOT NULL, status TEXT NOT NULL,
    credential_hash TEXT NOT NULL, registered_at TEXT NOT NULL, last_heartbeat_at TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS target (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, agent_id TEXT NOT NULL REFERENCES agent(id), type TEXT NOT NULL,
    config TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS certificate (
    id TEXT PRIMARY KEY, agent_id TEXT NOT NULL REFERENCES agent(id), common_name TEXT NOT NULL, sans TEXT NOT NULL,
    validity_days INTEGER NOT NULL, certificate_pem TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS deploy_to (
    certificate_id TEXT NOT NULL REFERENCES certificate(id), target_id TEXT NOT NULL REFERENCES target(id),
    PRIMARY KEY (certificate_id, target_id)) STRICT;
  CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, agent_id TEXT NOT NULL REFERENCES agent(id),
    certificate_id TEXT NOT NULL REFERENCES certificate(id), target_id TEXT REFERENCES target(id), status TEXT NOT NULL,
    error TEXT, outcome TEXT, verification TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS reaped (job_id TEXT PRIMARY KEY REFERENCES job(id)) STRICT;
  CREATE TABLE IF NOT EXISTS drift (
    target_id TEXT PRIMARY KEY REFERENCES target(id), reasons TEXT NOT NULL, since TEXT NOT NULL) STRICT;
`

type Value = string | number | null

/** One SQLite database, durable at every commit. */
export class Store {
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number
  readonly #database: DatabaseSync

  /** Opens or makes the database file. */
  constructor(path: string, now: () => number) {
    this.now = now
    this.#database = new DatabaseSync(path)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    this.#database.exec(schema)
  }

  /** The rows of a query; `Row` is what its columns are by the schema above. */
  all<Row>(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.#database.prepare(sql).all(...values) as Row[]
  }

  /** The first row, or undefined. */
  first<Row>(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.all<Row>(sql, ...values)[0]
  }

  /** Runs one statement and returns how many rows it changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes)
  }

  /** All of `work` or nothing of it. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** The time as rows keep it: RFC 3339, UTC. */
  timestamp(): string {
    return new Date(this.now()).toISOString()
  }

  close(): void {
    this.#database.close()
  }
}
