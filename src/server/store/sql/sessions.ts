import type { Database } from '../database.ts'
import type { SessionRow, SessionStore } from '../session-store.ts'
import { firstOf, insert } from './columns.ts'

/** Sessions of the fleet page over SQL. */
export function sqlSessions(db: Database): SessionStore {
  return {
    add: (session, most) =>
      db.transaction(async (inside) => {
        await inside.query(
          `DELETE FROM session WHERE hash IN (
              SELECT hash FROM session WHERE token_hash = $1 ORDER BY created_at DESC, hash LIMIT 1000000 OFFSET $2)`,
          [session.tokenHash, most - 1],
        )
        await insert(inside, 'session', session)
      }),
    find: async (hash) => firstOf<SessionRow>(await db.query('SELECT * FROM session WHERE hash = $1', [hash])),
    see: async (hash, at) => {
      await db.query('UPDATE session SET seen_at = $2 WHERE hash = $1', [hash, at])
    },
    end: async (hash) => (await db.query('DELETE FROM session WHERE hash = $1 RETURNING hash', [hash])).length > 0,
    endAll: async () => {
      await db.query('DELETE FROM session')
    },
    forget: async (at, idleSince) =>
      (await db.query('DELETE FROM session WHERE expires_at < $1 OR seen_at < $2 RETURNING hash', [at, idleSince]))
        .length,
  }
}
