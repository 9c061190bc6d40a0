import type { Database } from '../database.ts'
import type { CredentialStore, OperatorStore } from '../identity-store.ts'
import type { AgentRow, CredentialRow, OperatorRow } from '../rows.ts'
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
      const { hash: _, kind, agentId, createdAt, usedAt, revokedAt, expiresAt, ...agent } = row
      return { credential: { hash, kind, agentId, createdAt, usedAt, revokedAt, expiresAt }, agent }
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
