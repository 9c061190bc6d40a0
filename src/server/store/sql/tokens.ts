import type { Database } from '../database.ts'
import { type TokenStore, tokenIdLength } from '../identity-store.ts'
import type { AgentRow, ListedToken, TokenRow } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** Bootstrap tokens over SQL. */
export function sqlTokens(db: Database): TokenStore {
  return {
    add: async (token) => {
      await insert(db, 'token', token)
    },
    find: async (hash) => firstOf<TokenRow>(await db.query('SELECT * FROM token WHERE hash = $1', [hash])),
    take: async (hash, at) =>
      firstOf<TokenRow>(
        await db.query(
          `UPDATE token SET uses_left = uses_left - 1, used_at = $2
            WHERE hash = $1 AND uses_left > 0 AND (expires_at IS NULL OR expires_at > $2) RETURNING *`,
          [hash, at],
        ),
      ),
    endAll: async () => {
      await db.query('UPDATE token SET uses_left = 0 WHERE uses_left > 0')
    },
    endOf: async (createdBy) => {
      await db.query('UPDATE token SET uses_left = 0 WHERE created_by = $1 AND uses_left > 0', [createdBy])
    },
    list: async ({ after = '', limit }) =>
      fromRows<ListedToken>(
        await db.query(
          `SELECT token.*, agent.name AS agent_name FROM token LEFT JOIN agent ON agent.id = token.agent_id
            WHERE $1 = '' OR (token.created_at, hash) > (
              SELECT created_at, hash FROM token WHERE substr(hash, 1, ${tokenIdLength}) = $1)
            ORDER BY token.created_at, hash LIMIT $2`,
          [after, limit],
        ),
      ),
    end: async (id, at) =>
      (
        await db.query(
          `UPDATE token SET expires_at = $2 WHERE substr(hash, 1, ${tokenIdLength}) = $1 AND uses_left > 0
            AND (expires_at IS NULL OR expires_at > $2) RETURNING hash`,
          [id, at],
        )
      ).length > 0,
    forget: (until) =>
      db.transaction(async (inside) => {
        const over = `SELECT hash FROM token WHERE expires_at <= $1
          OR (uses_left <= 0 AND COALESCE(used_at, created_at) <= $1)`
        await inside.query(`DELETE FROM registration WHERE token_hash IN (${over})`, [until])
        return (await inside.query(`DELETE FROM token WHERE hash IN (${over}) RETURNING hash`, [until])).length
      }),
    ...registrationsOf(db),
  }
}

function registrationsOf(db: Database): Pick<TokenStore, 'addRegistration' | 'registered'> {
  return {
    addRegistration: async (registration) => {
      await insert(db, 'registration', registration)
    },
    registered: async (keyHash, tokenHash) =>
      firstOf<AgentRow>(
        await db.query(
          `SELECT agent.* FROM registration JOIN agent ON agent.id = registration.agent_id
            WHERE key_hash = $1 AND token_hash = $2`,
          [keyHash, tokenHash],
        ),
      ),
  }
}
