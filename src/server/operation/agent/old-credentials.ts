import type { AgentRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { Refusal } from '../refusal.ts'
import { twinMs } from './twin-told.ts'

/** So often the two take turns before it is told: a host that starts calls with what was configured until it has read what was exchanged. */
const mostTurns = 2
/** Turns before that are forgotten. */
const memoryMs = 6 * 3_600_000
const reason = 'a host calls with a credential that was exchanged; another one has the newer'

interface Calls {
  readonly since: number
  readonly last: number
  readonly turns: number
}

/** Hosts that call with a credential which was exchanged, while the newer one is in use: a copy, or who was shut out by one. */
export class OldCredentials {
  readonly #store: Store
  readonly #tell: (agent: AgentRow, reason: string) => void
  readonly #calls = new Map<string, Calls>()

  /** `tell`: once a day that two hosts are this agent. */
  constructor(store: Store, tell: (agent: AgentRow, reason: string) => void) {
    this.#store = store
    this.#tell = tell
  }

  /** How a call with the credential of this digest, which is not good, is refused. */
  async refuse(hash: string): Promise<Refusal> {
    const agent = await this.#store.credentials.replaced(hash)
    if (agent === null) return new Refusal('unauthorized', 'the credential is not valid')
    if ((await this.#countTurns(agent)) > mostTurns) {
      this.#calls.delete(agent.id)
      await this.#note(agent)
    }
    const hint = 'if this is the right host, an operator lets it in: waxseal control-plane readmit'
    return new Refusal(
      'unauthorized',
      `the credential is not valid: it was exchanged, and the newer one is in use; ${hint}`,
    )
  }

  /** A turn is a call after one with the newer credential. */
  async #countTurns({ id }: AgentRow): Promise<number> {
    const now = await this.#store.now()
    const heardAt = (await this.#store.presence.of(id))?.seenAt ?? 0
    const before = this.#calls.get(id)
    const { since, last, turns } =
      before === undefined || now - before.since > memoryMs ? { since: now, last: 0, turns: 0 } : before
    const calls = { since, last: now, turns: heardAt > last ? turns + 1 : turns }
    this.#calls.set(id, calls)
    return calls.turns
  }

  async #note(agent: AgentRow): Promise<void> {
    const isNews = await this.#store.transaction(async (inside) => {
      const [told, now] = [await inside.presence.twin(agent.id), await inside.now()]
      await inside.presence.setTwin(agent.id, reason, now)
      if (told !== null && now - told.twinAt < twinMs) return false
      await audit(inside, 'server', 'agent.twin', agent.id, { reason })
      return true
    })
    if (isNews) this.#tell(agent, reason)
  }
}
