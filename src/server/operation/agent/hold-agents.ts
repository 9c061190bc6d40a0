import type { AgentRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { lastOnTarget } from '../job/last-on-target.ts'
import { stopAll } from '../rollout/stop-rollout.ts'

/** What `certificates` says of one whose host is asked first. */
export const waitsForHost = 'the database was put back from a backup, and its host has not said yet what it has'

const aPart = 1000

/**
 * For a database that was just put back from a backup: what was done since is not in it, but on the hosts. Each agent with targets is
 * asked by a validation of each one, and is issued nothing before it has answered. Bootstrap tokens end, for they may have been used,
 * and sessions of the fleet page, for they may have been ended; roll-outs stop, for they were further; the time for which servers were
 * up begins anew. Returns how many agents are asked.
 */
export function holdAgents(store: Store): Promise<number> {
  return store.transaction(async (inside) => {
    let count = 0
    for await (const agent of activeAgents(inside)) if (await hold(inside, agent)) count += 1
    await inside.tokens.endAll()
    await inside.sessions.endAll()
    await stopAll(inside, 'the database was put back from a backup')
    await inside.server.set('alive_at', '0')
    await audit(inside, 'server', 'database.restore', 'database', { agents: count })
    return count
  })
}

async function* activeAgents({ agents }: Store): AsyncGenerator<AgentRow> {
  for (let after: string | undefined; ; ) {
    const part = await agents.list({ after, limit: aPart }, { status: 'active' })
    yield* part
    after = part.at(-1)?.id
    if (part.length < aPart) return
  }
}

/** False: it has no target of which anything is known. */
async function hold(store: Store, { id: agentId }: AgentRow): Promise<boolean> {
  const certificateOf = new Map<string, string>()
  for (const id of await store.certificates.ofAgent(agentId)) {
    for (const targetId of await store.certificates.deployedTo(id)) {
      const last = await lastOnTarget(store, targetId)
      certificateOf.set(targetId, last?.certificateId ?? id)
    }
  }
  if (certificateOf.size === 0) return false
  for (const [targetId, certificateId] of certificateOf)
    await addJob(store, { type: 'Validation', agentId, certificateId, targetId, versionNumber: null })
  await store.holds.add({ agentId, askedAt: null })
  for (const id of await store.certificates.ofAgent(agentId))
    await store.certificates.plan(id, { lastError: waitsForHost })
  return true
}
