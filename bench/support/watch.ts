import type { Stage } from '../../src/outcome/outcome.ts'
import { benchClock } from './bench-clock.ts'
import type { Lap } from './lap.ts'

/** Notes when things happen in the agent, and whether any of it went wrong. */
export class Watch {
  lap: Lap = newLap()
  #left = 0
  #done = Promise.withResolvers<void>()
  readonly #failure = Promise.withResolvers<never>()

  constructor() {
    this.#failure.promise.catch(() => {})
  }

  /** Rejects when the agent failed. */
  get failure(): Promise<never> {
    return this.#failure.promise
  }

  begin(results: number): Promise<void> {
    this.#left = results
    this.#done = Promise.withResolvers<void>()
    if (results === 0) this.#done.resolve()
    this.lap = newLap()
    return Promise.race([this.#done.promise, this.failure])
  }

  failed(error: unknown): void {
    this.#failure.reject(error)
  }

  async certificate(fetch: () => Promise<string>): Promise<string> {
    if (this.lap.certificateAsked === 0) this.lap.certificateAsked = benchClock.now()
    const pem = await fetch()
    this.lap.certificateHere = benchClock.now()
    return pem
  }

  requestAnswered(): void {
    this.lap.requestAnswered = benchClock.now()
  }

  acknowledged(error: string | null): void {
    this.lap.reported = benchClock.now()
    this.#left -= 1
    if (error !== null) this.failed(new Error(error))
    if (this.#left === 0) this.#done.resolve()
  }

  /** The agent logs each step at the moment when it ends; a warning is a failure of the bench. */
  logged(line: string): void {
    const at = benchClock.now()
    const entry = JSON.parse(line) as { readonly level: number; readonly step?: Stage }
    if (entry.step !== undefined) this.lap.ends.set(entry.step, at)
    if (entry.level >= 40) this.failed(new Error(`the agent warned: ${line.trim()}`))
  }
}

function newLap(): Lap {
  return {
    began: benchClock.now(),
    requestAnswered: 0,
    certificateAsked: 0,
    certificateHere: 0,
    ends: new Map(),
    reported: 0,
    outcome: null,
  }
}
