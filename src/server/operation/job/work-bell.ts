/** One agent that waits for work. */
export interface Turn {
  /** It is to claim nothing any more: the server ends, or the agent has asked again. */
  readonly isOver: boolean
  /** Until there may be work, this one is over (true), or the time has passed. What rang since the last rest ends it at once. */
  rest(ms: number): Promise<boolean>
  leave(): void
}

const nothingTold: ReadonlySet<string> = new Set()

/** Wakes agents that wait for work on this server. Each has one place, and there are so many at most. */
export class WorkBell {
  readonly #most: number
  readonly #waiting = new Map<string, Place>()
  /** What each agent was last told that it is told again as long as it lasts. */
  readonly #told = new Map<string, ReadonlySet<string>>()
  #isClosed = false

  constructor(most = 10_000) {
    this.#most = most
  }

  get agents(): ReadonlySet<string> {
    return new Set(this.#waiting.keys())
  }

  get count(): number {
    return this.#waiting.size
  }

  /** This server ends. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Null: too many wait. One that waits for the same agent is over: its answer goes to nobody. */
  enter(agentId: string): Turn | null {
    const before = this.#waiting.get(agentId)
    if (this.#isClosed || (before === undefined && this.#waiting.size >= this.#most)) return null
    before?.end()
    const place = new Place(() => {
      if (this.#waiting.get(agentId) === place) this.#waiting.delete(agentId)
    })
    this.#waiting.set(agentId, place)
    return place
  }

  ring(agentId: string): void {
    this.#waiting.get(agentId)?.ring()
  }

  toldTo(agentId: string): ReadonlySet<string> {
    return this.#told.get(agentId) ?? nothingTold
  }

  tell(agentId: string, ids: ReadonlySet<string>): void {
    if (ids.size === 0) this.#told.delete(agentId)
    else this.#told.set(agentId, ids)
  }

  /** Ends all that wait; nobody waits from now on. */
  close(): void {
    this.#isClosed = true
    for (const place of this.#waiting.values()) place.end()
  }
}

class Place implements Turn {
  readonly #onLeave: () => void
  #isRung = false
  #isOver = false
  #wake: (() => void) | null = null

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
  }

  get isOver(): boolean {
    return this.#isOver
  }

  ring(): void {
    this.#isRung = true
    this.#wake?.()
  }

  end(): void {
    this.#isOver = true
    this.ring()
  }

  async rest(ms: number): Promise<boolean> {
    if (!this.#isRung)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, ms))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    const isRung = this.#isRung
    this.#wake = null
    this.#isRung = false
    return isRung
  }

  leave(): void {
    this.end()
    this.#onLeave()
  }
}
