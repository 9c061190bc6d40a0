import { join } from 'node:path'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { removeFile } from '../../host/file/files.ts'
import { adoptFile } from '../../host/file/write/adopt-file.ts'
import type { Database } from './database.ts'
import { type FoundVersion, migrate } from './migration/migrate.ts'
import { sqlStore } from './sql/sql-store.ts'
import { openSqlite } from './sqlite/open-sqlite.ts'
import type { Store } from './store.ts'

/** Where the store is. */
export interface StoreOptions {
  /** The folder of the SQLite database, `control-plane.db`. */
  readonly dataDir: string
  /** A `postgres://` URL, in place of SQLite. */
  readonly database?: string | undefined
  /** Milliseconds since 1970, UTC; left out: the clock of the host, or of PostgreSQL. */
  readonly now?: (() => number) | undefined
}

/** Of an SQLite database, in the data directory. */
export const databaseFile = 'control-plane.db'

/** Opens the store, and brings its database to this version; an older SQLite database is kept beside it as it was. */
export async function openStore(options: StoreOptions): Promise<Store> {
  return (await openMigrated(options)).store
}

/** The same, and tells the version that the database had. */
export async function openMigrated({
  dataDir,
  database,
  now,
}: StoreOptions): Promise<{ readonly store: Store; readonly from: FoundVersion }> {
  const file = join(dataDir, databaseFile)
  const db = database === undefined ? openSqlite(file, now ?? Date.now) : await openPostgresAt(database, now)
  try {
    const from = await migrate(db, (to) =>
      database === undefined ? backUp(db, `${file}.before-${to}`) : Promise.resolve(),
    )
    return { store: sqlStore(db), from }
  } catch (error) {
    await db.close()
    throw error
  }
}

/** A copy that is whole whatever is written meanwhile. */
async function backUp(db: Database, path: string): Promise<void> {
  const written = `${path}.new`
  await removeFile(written)
  await db.query('VACUUM INTO $1', [written])
  await adoptFile(written, path)
}

/** A database of PostgreSQL as it is. Its driver is read where it is used. CONFIG_INVALID: this is no URL of one. */
export async function openPostgresAt(url: string, now?: () => number): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    const hint = 'it is postgres://USER@HOST/DATABASE'
    throw new WaxsealError('CONFIG_INVALID', { option: '--database', reason: 'it is no URL of PostgreSQL', hint })
  }
  const { openPostgres } = await import('./postgres/open-postgres.ts')
  return openPostgres(url, now)
}
