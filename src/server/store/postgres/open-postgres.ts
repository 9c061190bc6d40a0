import { createHash } from 'node:crypto'
import { Pool, type PoolClient, types } from 'pg'
import type { Database, Dialect, RawRow, Value } from '../database.ts'
import { databaseClock } from './database-clock.ts'
import { asDatabaseError, isConflict, isUnreachable } from './database-error.ts'
import { channel, listenAt } from './listen.ts'

const dialect: Dialect = {
  name: 'postgres',
  skipLocked: 'FOR UPDATE SKIP LOCKED',
  forUpdate: 'FOR UPDATE',
  integer: 'BIGINT',
  real: 'DOUBLE PRECISION',
  serial: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  tableOptions: '',
}

/** `int8` as a number, for times and counts are below 2^53; all else as the driver reads it. */
const parserOf = (...[id, format]: Parameters<typeof types.getTypeParser>): unknown =>
  id === types.builtins.INT8 ? Number : types.getTypeParser(id, format)

const notify = `SELECT pg_notify('${channel}', $1)`
const mostTries = 5
const limits = {
  max: 10,
  connectionTimeoutMillis: 5000,
  statement_timeout: 30_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 30_000,
}

/**
 * Opens a PostgreSQL database (14 or newer) at a `postgres://` URL. Connections come back by themselves. What may have been done
 * before a connection was lost is not tried again here; what only reads is.
 */
export function openPostgres(url: string, now?: () => number): Database {
  const pool = new Pool({
    connectionString: url,
    ...limits,
    types: { getTypeParser: parserOf as typeof types.getTypeParser },
  })
  // A connection that is lost while nobody uses it: the next query opens another.
  pool.on('error', ignore)
  // One that is lost in the turn in which it is handed out, before who asked for it hears so, would end the process.
  pool.on('connect', (client) => client.on('error', ignore))
  const query: Database['query'] = async (sql, values = []) => {
    const statement = statementOf(sql, values)
    try {
      return (await pool.query<RawRow>(statement)).rows
    } catch (error) {
      if (!isUnreachable(error) || !/^\s*SELECT\b/.test(sql)) throw asDatabaseError(error)
      return await pool.query<RawRow>(statement).then(
        ({ rows }) => rows,
        (again: unknown) => {
          throw asDatabaseError(again)
        },
      )
    }
  }
  const clock = now === undefined ? databaseClock(query) : async () => now()
  return {
    dialect,
    query,
    notify: async (text) => {
      await query(notify, [text])
    },
    listen: (heard) => listenAt(url, heard),
    transaction: (work) => inTransaction(pool, clock, work),
    now: clock,
    close: () => pool.end(),
  }
}

/** Who uses the connection hears it from the next statement. */
function ignore(): void {}

async function inTransaction<T>(
  pool: Pool,
  clock: () => Promise<number>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transactOnce(pool, clock, work)
    } catch (error) {
      if (!isConflict(error) || tries === mostTries) throw asDatabaseError(error)
    }
  }
}

async function transactOnce<T>(
  pool: Pool,
  clock: () => Promise<number>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let isLost = false
  try {
    await client.query('BEGIN')
    const result = await work(insideOf(client, clock))
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      isLost = true
    })
    throw error
  } finally {
    client.release(isLost)
  }
}

function insideOf(client: PoolClient, clock: () => Promise<number>): Database {
  const inside: Database = {
    dialect,
    query: async (sql, values = []) => (await client.query<RawRow>(statementOf(sql, values))).rows,
    notify: async (text) => {
      await client.query(statementOf(notify, [text]))
    },
    listen: () => {
      throw new Error('a transaction has ended before anybody is told')
    },
    transaction: (work) => work(inside),
    now: clock,
    close: async () => {},
  }
  return inside
}

const names = new Map<string, string>()

/** Named, so that each connection plans it once. PostgreSQL keeps no NUL in a text. */
function statementOf(sql: string, values: readonly Value[]) {
  const name = names.get(sql) ?? createHash('sha256').update(sql).digest('hex').slice(0, 40)
  names.set(sql, name)
  return {
    name,
    text: sql,
    values: values.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value)),
  }
}
