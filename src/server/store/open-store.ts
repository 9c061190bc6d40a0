import { join } from 'node:path'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { adoptFile } from '../../host/file/adopt-file.ts'
import { removeFile } from '../../host/file/files.ts'
import type { Database } from './database.ts'
import { migrate } from './migration/migrate.ts'
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

const fileName = 'control-plane.db'

/** Opens the store, and brings its database to this version; an older SQLite database is kept beside it as it was. */
export async function openStore({ dataDir, database, now }: StoreOptions): Promise<Store> {
  const file = join(dataDir, fileName)
  const db = database === undefined ? openSqlite(file, now ?? Date.now) : await postgresAt(database, now)
  try {
    await migrate(db, (to) => (database === undefined ? backUp(db, `${file}.before-${to}`) : Promise.resolve()))
  } catch (error) {
    await db.close()
    throw error
  }
  return sqlStore(db)
}

/** A copy that is whole whatever is written meanwhile. */
async function backUp(db: Database, path: string): Promise<void> {
  const written = `${path}.new`
  await removeFile(written)
  await db.query('VACUUM INTO $1', [written])
  await adoptFile(written, path)
}

/** Its driver is read where it is used. */
async function postgresAt(url: string, now: (() => number) | undefined) {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    const hint = 'it is postgres://USER@HOST/DATABASE'
    throw new WaxsealError('CONFIG_INVALID', { option: '--database', reason: 'it is no URL of PostgreSQL', hint })
  }
  const { openPostgres } = await import('./postgres/open-postgres.ts')
  return openPostgres(url, now)
}
