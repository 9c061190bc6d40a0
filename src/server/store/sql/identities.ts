import type { Database } from '../database.ts'
import { type CredentialStore, type OperatorStore, type TokenStore, tokenIdLength } from '../identity-store.ts'
import type { AgentRow, CredentialRow, ListedToken, OperatorRow, TokenRow } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** Credentials of agents over SQL. */
export function sqlCredentials(db: Database): CredentialStore {
  return {
    add: async (credential) => {
      await insert(db, 'credential', credential)
    },
    // One statement: every call of every agent begins with it.
    find: async (hash) => {
      const row = firstOf<CredentialRow & AgentRow>(
        await db.query(
          `SELECT * FROM credential JOIN agent ON agent.id = credential.agent_id
            WHERE credential.hash = $1 AND credential.revoked_at IS NULL`,
          [hash],
        ),
      )
      if (row === null) return null
      const { hash: _, agentId, createdAt, usedAt, revokedAt, ...agent } = row
      return { credential: { hash, agentId, createdAt, usedAt, revokedAt }, agent }
    },
    replaced: async (hash) =>
      firstOf<AgentRow>(
        await db.query(
          `SELECT agent.* FROM credential old JOIN agent ON agent.id = old.agent_id WHERE old.hash = $1
            AND EXISTS (SELECT 1 FROM credential WHERE agent_id = old.agent_id AND used_at = old.revoked_at)
            AND EXISTS (SELECT 1 FROM credential WHERE agent_id = old.agent_id AND used_at IS NOT NULL AND revoked_at IS NULL)`,
          [hash],
        ),
      ),
    use: async (hash, at) => {
      await db.query('UPDATE credential SET used_at = $2 WHERE hash = $1 AND used_at IS NULL', [hash, at])
    },
    revoke: async (agentId, at, keep = '') =>
      (
        await db.query(
          'UPDATE credential SET revoked_at = $2 WHERE agent_id = $1 AND revoked_at IS NULL AND hash <> $3 RETURNING hash',
          [agentId, at, keep],
        )
      ).length,
    revokeUnused: async (agentId, at) =>
      (
        await db.query(
          `UPDATE credential SET revoked_at = $2
            WHERE agent_id = $1 AND revoked_at IS NULL AND used_at IS NULL RETURNING hash`,
          [agentId, at],
        )
      ).length,
    wereUsed: async (agentId, since) =>
      (
        await db.query(
          'SELECT 1 AS used FROM credential WHERE agent_id = $1 AND created_at >= $2 AND used_at IS NOT NULL LIMIT 1',
          [agentId, since],
        )
      ).length > 0,
  }
}

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

/** Operators over SQL. */
export function sqlOperators(db: Database): OperatorStore {
  return {
    add: (operator) => insert(db, 'operator', operator),
    find: async (hash) =>
      firstOf<OperatorRow>(await db.query('SELECT * FROM operator WHERE hash = $1 AND revoked_at IS NULL', [hash])),
    list: async () => fromRows<OperatorRow>(await db.query('SELECT * FROM operator ORDER BY name')),
    revoke: async (name, at) =>
      (
        await db.query('UPDATE operator SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id', [
          name,
          at,
        ])
      ).length > 0,
  }
}
