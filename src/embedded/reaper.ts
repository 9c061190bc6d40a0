import type { Store } from './store.ts'

const silenceMs = 5 * 60_000
const lostMs = 30 * 60_000

/**
 * Ends the deployments that are Running on an agent that has been silent for over 5 min (protocol §2), and those of which
 * nothing was heard for 30 min though their agent calls: their claim got lost. Both times begin anew with the process: an
 * agent cannot be heard by a control plane that is down.
 */
export class Reaper {
  readonly #store: Store
  readonly #startedAt: number
  readonly #heardAt = new Map<string, number>()

  constructor(store: Store) {
    this.#store = store
    this.#startedAt = store.now()
  }

  /** Notes a call of this agent. What it left Running before a long silence ends first: it may be a claim that got lost. */
  hear(agentId: string): void {
    this.#reap(agentId)
    this.#heardAt.set(agentId, this.#store.now())
  }

  /** Looks at every agent that has a deployment Running. */
  reap(): void {
    const agents = this.#store.all<{ readonly agent_id: string }>(
      "SELECT DISTINCT agent_id FROM job WHERE type IN ('Deployment', 'TakeBack') AND status = 'Running'",
    )
    for (const { agent_id } of agents) this.#reap(agent_id)
  }

  #reap(agentId: string): void {
    const now = this.#store.now()
    const heardAt = this.#heardAt.get(agentId) ?? this.#startedAt
    const isSilent = now - heardAt > silenceMs
    if (!isSilent && now - this.#startedAt < lostMs) return
    const error = isSilent
      ? `the agent has been silent for over 5 minutes, since ${new Date(heardAt).toISOString()}`
      : 'nothing was heard of this job for over 30 minutes, though its agent calls'
    this.#end(agentId, new Date(isSilent ? now : now - lostMs).toISOString(), error)
  }

  /** Ends what is Running and was last heard of at `since` or before. */
  #end(agentId: string, since: string, error: string): void {
    const running =
      "WHERE agent_id = ? AND type IN ('Deployment', 'TakeBack') AND status = 'Running' AND updated_at <= ?"
    this.#store.transaction(() => {
      this.#store.run(`INSERT INTO reaped (job_id) SELECT id FROM job ${running}`, agentId, since)
      this.#store.run(
        `UPDATE job SET status = 'Failed', error = ?, updated_at = ? ${running}`,
        error,
        this.#store.timestamp(),
        agentId,
        since,
      )
    })
  }
}
