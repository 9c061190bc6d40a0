import type { Database } from '../database.ts'
import type { IdentityRow } from '../rows.ts'
import type { PresenceStore } from '../store.ts'
import { firstOf } from './columns.ts'

const columns = ['machine', 'starts', 'run', 'former_machine', 'moved_at', 'twin', 'twin_at'] as const

/** Which host an agent is on, over SQL: columns of its presence. */
export function sqlIdentities(
  db: Database,
): Pick<PresenceStore, 'identity' | 'setIdentity' | 'twin' | 'setTwin' | 'forgetIdentity'> {
  return {
    identity: async (agentId) =>
      firstOf<IdentityRow>(
        await db.query(
          `SELECT agent_id, ${columns.join(', ')} FROM presence WHERE agent_id = $1 AND run IS NOT NULL ${db.dialect.forUpdate}`,
          [agentId],
        ),
      ),
    setIdentity: async ({ agentId, machine, starts, run, formerMachine, movedAt, twin, twinAt }, at) => {
      await db.query(
        `INSERT INTO presence (agent_id, seen_at, ${columns.join(', ')}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
          ON CONFLICT (agent_id) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
        [agentId, at, machine, starts, run, formerMachine, movedAt, twin, twinAt],
      )
    },
    twin: async (agentId) =>
      firstOf(
        await db.query(
          `SELECT twin, twin_at FROM presence WHERE agent_id = $1 AND twin_at IS NOT NULL ${db.dialect.forUpdate}`,
          [agentId],
        ),
      ),
    setTwin: async (agentId, twin, at) => {
      await db.query('UPDATE presence SET twin = $2, twin_at = $3 WHERE agent_id = $1', [agentId, twin, at])
    },
    forgetIdentity: async (agentId) => {
      await db.query(`UPDATE presence SET ${columns.map((name) => `${name} = NULL`).join(', ')} WHERE agent_id = $1`, [
        agentId,
      ])
    },
  }
}
