/** As long as a call for work and its answer may take, with the spread of the server, in milliseconds. */
const longestCallMs = 40_000

/** A heartbeat waits for a call for work that comes in this time, in milliseconds: the longest between two at a server that is away. */
const soonMs = 72_000

/**
 * When a heartbeat is due, and that it comes earlier where a call that waits would have the connection then: on a second one it would
 * cost the server as much again as the first. Where there is no connection it comes behind the next call for work: a fleet that lost its
 * server comes back by one call each.
 */
export class Beat {
  #early = new AbortController()
  #dueAt = Number.POSITIVE_INFINITY
  /** When the next call for work comes; infinity: one is under way, or it is not known to come. */
  #pollAt = Number.POSITIVE_INFINITY
  #isAway = false
  /** The last one that was due comes behind the next call for work. */
  #isBehind = false

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

  /** A turn of calls for work begins: while it lasts, and that may be the time of a deployment, heartbeats wait for nothing. */
  pollBegins(): void {
    this.#isAway = false
    this.#pollAt = Number.POSITIVE_INFINITY
  }

  /** It is over, and the next call comes at this time. `isAway`: nothing answered, and heartbeats go by their own time when it is back. */
  pollRests(pollAt: number, isAway: boolean): void {
    this.#pollAt = pollAt
    this.#isAway = isAway
    if (isAway) this.#isBehind = false
  }

  /** Whether a heartbeat that is due comes behind the next call for work: nothing answered the last one, or there is no connection. */
  waitsForPoll(now: number, isConnected: boolean): boolean {
    const isNear = !isConnected && this.#pollAt <= now + soonMs
    this.#isBehind = isNear && !this.#isAway
    return isNear || this.#isAway
  }

  /** Something answered a call for work, or none can be made now: the heartbeat that waits for one comes. */
  come(): void {
    const early = this.#early
    if (this.#isBehind) setImmediate(() => early.abort())
    this.#isBehind = false
  }

  /** A call that waits begins at this time. */
  makeWayFor(startsAt: number): void {
    const early = this.#early
    // Not before the connection of the call that was answered just now is free.
    if (this.#dueAt < startsAt + longestCallMs) setImmediate(() => early.abort())
  }
}
