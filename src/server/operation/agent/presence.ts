import type { PresenceRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { endOfRetired, reapAgent, silenceMs } from '../job/reap.ts'

/**
 * When agents were heard. Kept in memory and written in bulk, for 10,000 agents call all the time; what was heard in the second
 * before a crash is heard again with the next call.
 */
export class Presence {
  readonly #store: Store
  /** Since when servers run without a gap. */
  #upSince: number
  #latest: number
  readonly #heard = new Map<string, PresenceRow>()
  #changed = new Set<string>()

  constructor(store: Store, upSince: number) {
    this.#store = store
    this.#upSince = upSince
    this.#latest = upSince
  }

  /** Whether anything was heard after this time. */
  isAheadOf(at: number): boolean {
    return this.#latest > at
  }

  /** The clock was set back: nobody was heard after `now`, and the time in which all could be heard begins with it. */
  setBack(now: number): void {
    this.#upSince = now
    this.#latest = now
    for (const [agentId, row] of this.#heard)
      if (row.seenAt > now) this.#heard.set(agentId, { ...row, seenAt: now, heartbeatAt: row.heartbeatAt && now })
  }

  /** Notes a call of this agent. What it left Running before a long silence ends first: it may be a claim that got lost. */
  async hear(agentId: string, isHeartbeat = false): Promise<void> {
    const now = await this.#store.now()
    this.#latest = Math.max(this.#latest, now)
    const last = this.#heard.get(agentId)
    if (now - Math.max(last?.seenAt ?? 0, this.#upSince) > silenceMs) await this.#reapAfterSilence(agentId)
    const heartbeatAt = isHeartbeat ? now : (last?.heartbeatAt ?? null)
    this.#heard.set(agentId, { agentId, seenAt: now, heartbeatAt })
    this.#changed.add(agentId)
  }

  /** Writes what was heard since the last time. */
  async flush(): Promise<void> {
    const changed = this.#changed
    if (changed.size === 0) return
    this.#changed = new Set()
    try {
      await this.#store.presence.record([...changed].flatMap((id) => this.#heard.get(id) ?? []))
    } catch (error) {
      for (const id of changed) this.#changed.add(id)
      throw error
    }
  }

  /** Since when an agent that was last heard at this time may be called silent: a server that was down could not hear it. */
  since(seenAt: number | null): number {
    return Math.max(seenAt ?? this.#upSince, this.#upSince)
  }

  /** Ends what agents that are silent have left Running, and those that are retired and silent have left at all. */
  async reap(): Promise<void> {
    await this.flush()
    await endOfRetired(this.#store, this.#upSince)
    for (const { agentId, seenAt } of await this.#store.jobs.agentsAtWork())
      await reapAgent(this.#store, agentId, seenAt, this.#upSince)
  }

  /** Another server may have heard it. */
  async #reapAfterSilence(agentId: string): Promise<void> {
    await this.flush()
    const stored = await this.#store.presence.of(agentId)
    await reapAgent(this.#store, agentId, stored?.seenAt ?? null, this.#upSince)
  }
}
