import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import { isCode } from '../../../host/file/files.ts'
import type { Database, Dialect, RawRow, Value } from '../database.ts'
import { openConnection } from './commit-together.ts'

const dialect: Dialect = {
  name: 'sqlite',
  // A transaction that writes is alone.
  skipLocked: '',
  forUpdate: '',
  integer: 'INTEGER',
  real: 'REAL',
  serial: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  tableOptions: 'STRICT',
}

const settings =
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000'

/** Opens or makes an SQLite database, durable at every commit. Its process is the only one that uses the file. */
export function openSqlite(path: string, now: () => number): Database {
  const file = new DatabaseSync(path)
  file.exec(settings)
  const statements = new Map<string, StatementSync>()
  const run = (sql: string, values: readonly Value[] = []): readonly RawRow[] => {
    const statement = statements.get(sql) ?? file.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
    statements.set(sql, statement)
    return statement.all(...values) as RawRow[]
  }
  const connection = openConnection(file)
  const listeners = new Set<(text: string) => void>()
  let untold: string[] = []
  const tell = (texts: readonly string[]): void => {
    for (const text of texts) for (const heard of listeners) heard(text)
  }
  const listen: Database['listen'] = (heard) => {
    listeners.add(heard)
    return async () => {
      listeners.delete(heard)
    }
  }
  const inside: Database = {
    dialect,
    query: async (sql, values) => run(sql, values),
    notify: async (text) => {
      untold.push(text)
    },
    listen,
    transaction: (work) => work(inside),
    now: async () => now(),
    close: async () => {},
  }
  const query = (sql: string, values: readonly Value[] = []): Promise<readonly RawRow[]> => {
    if (/^\s*SELECT\b/.test(sql)) return connection.read(() => run(sql, values))
    // VACUUM and the like take no transaction around them.
    if (!/^\s*(INSERT|UPDATE|DELETE|WITH)\b/.test(sql)) return connection.alone(() => run(sql, values))
    return connection.write(async () => run(sql, values))
  }
  return {
    dialect,
    query: async (sql, values) => {
      try {
        return await query(sql, values)
      } catch (error) {
        throw withCaller(error)
      }
    },
    transaction: async (work) => {
      try {
        const [result, texts] = await connection.write(async () => {
          const mine: string[] = []
          untold = mine
          return [await work(inside), mine] as const
        })
        tell(texts)
        return result
      } catch (error) {
        throw withCaller(error)
      }
    },
    notify: async (text) => tell([text]),
    listen,
    now: inside.now,
    close: () => connection.alone(() => file.close()),
  }
}

/** SQLITE_BUSY, _READONLY, _IOERR, _FULL and _CANTOPEN (https://sqlite.org/rescode.html) say: not now, not never. */
const notNow: ReadonlySet<number> = new Set([5, 8, 10, 13, 14])

/** An error of SQLite has no stack beyond its turn: who asked is in the one around it. DATABASE_UNREACHABLE where another try may help. */
function withCaller(error: unknown): unknown {
  if (!isCode(error, 'ERR_SQLITE_ERROR')) return error
  const { message, errcode = 0 } = error as Error & { readonly errcode?: number }
  // Extended codes have the kind in their last byte.
  if (notNow.has(errcode & 0xff)) return new WaxsealError('DATABASE_UNREACHABLE', { reason: message }, { cause: error })
  return new Error(message, { cause: error })
}
