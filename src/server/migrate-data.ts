import { join } from 'node:path'
import { takeDataDirectory } from './data-directory.ts'
import { holdAgents } from './operation/hold-agents.ts'
import { type FoundVersion, schemaVersion } from './store/migration/migrate.ts'
import { databaseFile, openMigrated } from './store/open-store.ts'

/** What became of a database. */
export interface Migrated {
  /** 0: of a program that wrote no version. */
  readonly from: FoundVersion
  readonly to: number
  /** Where it is as it was; null: it was not changed, or is in PostgreSQL. */
  readonly copy: string | null
}

/** Brings the database to this program's version. STATE_BUSY: a server runs on this data directory. */
export async function migrateData(dataDir: string, database: string | undefined): Promise<Migrated> {
  const lock = await takeDataDirectory(dataDir)
  try {
    const { store, from } = await openMigrated({ dataDir, database })
    await store.close()
    const isCopied = database === undefined && from !== 'empty' && from !== schemaVersion
    const copy = isCopied ? `${join(dataDir, databaseFile)}.before-${schemaVersion}` : null
    return { from, to: schemaVersion, copy }
  } finally {
    lock.release()
  }
}

/** Has the hosts asked first after pg_restore has put a database back; returns how many agents are asked. */
export async function holdData(dataDir: string, database: string): Promise<number> {
  const lock = await takeDataDirectory(dataDir)
  try {
    const { store } = await openMigrated({ dataDir, database })
    try {
      return await holdAgents(store)
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}
