import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { becomeOwnerOf } from '../host/process/become-owner.ts'
import { takeDataDirectory } from './data-directory.ts'
import { holdAgents } from './operation/agent/hold-agents.ts'
import { type FoundVersion, schemaVersion, versionOf } from './store/migration/migrate.ts'
import { databaseFile, openMigrated, openPostgresAt } from './store/open-store.ts'

/** What became of a database. */
export interface Migrated {
  /** 0: of a program that wrote no version. */
  readonly from: FoundVersion
  readonly to: number
  /** Where it is as it was; null: it was not changed, or is in PostgreSQL. */
  readonly copy: string | null
}

/** Brings the SQLite database of a data directory to this program's version, as its user. STATE_BUSY: a server runs on it. */
export async function migrateData(dataDir: string): Promise<Migrated> {
  await becomeOwnerOf(dataDir)
  const lock = await takeDataDirectory(dataDir)
  try {
    const { store, from } = await openMigrated({ dataDir })
    await store.close()
    const isCopied = from !== 'empty' && from !== schemaVersion
    const copy = isCopied ? `${join(dataDir, databaseFile)}.before-${schemaVersion}` : null
    return { from, to: schemaVersion, copy }
  } finally {
    lock.release()
  }
}

/** Brings a PostgreSQL database to this program's version: `pg_dump` has copied it. Servers wait for it. */
export async function migratePostgres(database: string): Promise<Migrated> {
  const { store, from } = await openMigrated({ dataDir: '', database })
  await store.close()
  return { from, to: schemaVersion, copy: null }
}

/** Has the hosts asked first after pg_restore has put a database back; returns how many agents are asked. CONFIG_INVALID: nothing was put back. */
export async function holdPostgres(database: string): Promise<number> {
  await requireRestored(database)
  const { store } = await openMigrated({ dataDir: '', database })
  try {
    return await holdAgents(store)
  } finally {
    await store.close()
  }
}

/** Another database of the same server is empty, and would stay so: whoever is asked there is nobody. */
async function requireRestored(database: string): Promise<void> {
  const db = await openPostgresAt(database)
  try {
    if ((await versionOf(db)) !== 'empty') return
  } finally {
    await db.close()
  }
  const hint = 'run pg_restore first, with the same URL'
  throw new WaxsealError('CONFIG_INVALID', { option: '--database', reason: 'this database is empty', hint })
}
