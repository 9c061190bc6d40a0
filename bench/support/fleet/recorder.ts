import type { ControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { asWaxsealError } from '../../../src/error/waxseal-error.ts'

/** What the agents of a process have called. */
export interface Recorded {
  /** Calls that were begun, by the second since 1970. */
  readonly perSecond: Readonly<Record<string, number>>
  readonly calls: number
  readonly failed: number
  /** Why, in all, with how often: no more than some dozens. */
  readonly reasons: Readonly<Record<string, number>>
  /** What heartbeats waited, in milliseconds. */
  readonly heartbeats: readonly number[]
  /** Agents of which a call was answered since they were last counted anew. */
  readonly answered: number
}

/** The calls that are one request each. */
const counted: readonly string[] = [
  'heartbeat',
  'work',
  'certificate',
  'submitCsr',
  'renewLease',
  'reportStatus',
  'reportVerification',
  'exchangeCredential',
]

/** Notes the calls of many agents. */
export class Recorder {
  #perSecond = new Map<number, number>()
  #calls = 0
  #failed = 0
  #heartbeats: number[] = []
  readonly #answered = new Set<string>()
  readonly #reasons = new Map<string, number>()

  /** The same control plane, whose calls are noted. */
  around(agent: string, controlPlane: ControlPlane): ControlPlane {
    return new Proxy(controlPlane, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function' || !counted.includes(String(name))) return value
        return (...args: readonly unknown[]) =>
          this.#note(agent, String(name), () => Reflect.apply(value, target, args))
      },
    })
  }

  /** What was noted since this was last asked. `isAnew`: the agents are counted anew from now on. */
  take(isAnew: boolean): Recorded {
    const taken = {
      perSecond: Object.fromEntries(this.#perSecond),
      calls: this.#calls,
      failed: this.#failed,
      reasons: Object.fromEntries(this.#reasons),
      heartbeats: this.#heartbeats,
      answered: this.#answered.size,
    }
    this.#perSecond = new Map()
    this.#calls = 0
    this.#failed = 0
    this.#heartbeats = []
    if (isAnew) this.#answered.clear()
    return taken
  }

  async #note(agent: string, name: string, call: () => Promise<unknown>): Promise<unknown> {
    const second = Math.floor(Date.now() / 1000)
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1)
    this.#calls += 1
    const start = performance.now()
    try {
      const answer = await call()
      if (name === 'heartbeat') this.#heartbeats.push(performance.now() - start)
      // One that waits is answered late: the heartbeat tells as well that the agent is back.
      this.#answered.add(agent)
      return answer
    } catch (error) {
      this.#failed += 1
      const reason = `${name}: ${reasonOf(error)}`
      if (this.#reasons.size < 50 || this.#reasons.has(reason))
        this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
      throw error
    }
  }
}

function reasonOf(error: unknown): string {
  const { code, details } = asWaxsealError(error)
  return [code, details['status'], details['reason'] ?? details['answer']]
    .filter((part) => part !== undefined)
    .join(' ')
}
