/** As long as a call for work and its answer may take, with the spread of the server, in milliseconds. */
const longestCallMs = 40_000

/**
 * When a heartbeat is due, and that it comes earlier where a call that waits would have the connection then: on a second one it would
 * cost the server as much again as the first.
 */
export class Beat {
  #early = new AbortController()
  #dueAt = Number.POSITIVE_INFINITY
  /** The control plane was away when it was last asked for work, and that is asked again before anything else. */
  isAway = false

  /** Aborts when the heartbeat is to come now. Undefined: it has, and one that fails then is tried again as any other. */
  get early(): AbortSignal | undefined {
    const { signal } = this.#early
    return signal.aborted ? undefined : signal
  }

  /** The next one is due at this time, in milliseconds since 1970. */
  next(dueAt: number): void {
    this.#early = new AbortController()
    this.#dueAt = dueAt
  }

  /** A call that waits begins at this time. */
  makeWayFor(startsAt: number): void {
    const early = this.#early
    // Not before the connection of the call that was answered just now is free.
    if (this.#dueAt < startsAt + longestCallMs) setImmediate(() => early.abort())
  }
}
