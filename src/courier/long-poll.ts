import type { Logger } from 'pino'
import type { Heard } from '../control-plane/heard.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { afterRetryAfter, isAway } from '../control-plane/pace.ts'
import type { Work } from '../control-plane/work-call.ts'
import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'

/** What asking for work needs. */
export interface LongPollParts {
  readonly controlPlane: Pick<ControlPlane, 'work'>
  /** How long a call may wait, in milliseconds; 0: none waits. */
  readonly pollWaitMs: number
  /** How often a control plane that is away is asked, in milliseconds. */
  readonly awayMs: () => number
  readonly clock: Pick<Clock, 'now' | 'random'>
  readonly log: Pick<Logger, 'info'>
  /** Ends a wait at once. */
  readonly signal: AbortSignal
}

/** A server ends a wait after so long, in milliseconds, and a spread of five seconds: many proxies cut at fifty. */
const longestMs = 35_000

/** A shorter wait is not worth its request, in milliseconds. */
const shortestMs = 5000

/** A call that breaks off sooner did not wait, in milliseconds: the server is away. */
const soonMs = 1000

/** So long, in milliseconds, waits that were cut off are asked for shorter: proxies are configured anew, too. */
const rememberedMs = 60 * 60_000

/** How far calls are to be apart, in milliseconds, where the server does not say it. */
const usualSplayMs = 5000

/**
 * Asks for work. At a server that knows `wait` the call waits until there is some; what cuts such calls off on their way, a proxy or a
 * firewall, makes them shorter, and at last plain.
 */
export class LongPoll {
  readonly #parts: LongPollParts
  #isKnown = false
  readonly #learned = new AbortController()
  #mostMs: number
  #forgetAt = 0
  /** Waits in a row that were cut off. */
  #cuts = 0
  #isPlainNext = false
  #isCut = false
  #isWaiting = false
  /** The last call that did not wait was. */
  #isAnswered = false
  #pauseMs: number | null = null

  constructor(parts: LongPollParts) {
    this.#parts = parts
    this.#mostMs = Math.min(parts.pollWaitMs, longestMs)
  }

  /** After each heartbeat that was answered. */
  heard({ features }: Heard): void {
    const isNew = !this.#isKnown
    this.#isKnown = features.has('wait')
    // The next call waits, where the last one was answered.
    if (isNew && this.isWanted) this.#isWaiting = this.#isAnswered
    // Not before the connection of the heartbeat is free.
    if (this.isWanted) setImmediate(() => this.#learned.abort())
  }

  /** Aborts when a call can wait for the first time: the pause that was begun before is as long as without. Undefined: it has aborted. */
  get learned(): AbortSignal | undefined {
    const { signal } = this.#learned
    return signal.aborted ? undefined : signal
  }

  /** Calls wait where nothing cuts them off: the server knows it, and this host has it so. */
  get isWanted(): boolean {
    return this.#isKnown && this.#parts.pollWaitMs > 0
  }

  /** Calls wait, and are answered: that tells the server that this host lives (protocol §4). */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** The last call that waited was cut off, and none was answered since: the server may be away. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** How long the next call is to come after the last one, in milliseconds; null: that did not wait, and it is as usual. */
  get pauseMs(): number | null {
    return this.#pauseMs
  }

  /**
   * Fails as the call does. Null: there was no answer, and that is no failure: the wait was cut off, or is not wanted any more.
   * `mayWait`: nothing else is to be done meanwhile.
   */
  async work(mayWait: boolean): Promise<Work | null> {
    const { controlPlane, signal } = this.#parts
    const waitMs = mayWait && !signal.aborted ? this.#nextMs() : 0
    const isTrial = this.#isPlainNext
    this.#pauseMs = null
    if (waitMs > 0) return this.#wait(waitMs)
    this.#isWaiting = false
    this.#isAnswered = false
    const work = await controlPlane.work()
    this.#isAnswered = true
    this.#isCut = false
    this.#isPlainNext = false
    this.#pauseMs = this.#asked(work) ?? (isTrial && this.#nextMs() > 0 ? this.#apart() : null)
    return work
  }

  async #wait(waitMs: number): Promise<Work | null> {
    const { clock, controlPlane, signal } = this.#parts
    // Of its own: a signal that lives as long as the process keeps what was made of it.
    const own = new AbortController()
    const end = (): void => own.abort()
    signal.addEventListener('abort', end)
    const since = clock.now()
    try {
      const work = await controlPlane.work({ seconds: Math.round(waitMs / 1000), signal: own.signal })
      // Answered at once and with nothing, it did not wait: the server ends, or has no room, or another asks in this name.
      if (clock.now() - since >= waitMs / 2) this.#waited(work.splayMs)
      this.#pauseMs = this.#asked(work) ?? this.#pauseMs
      return work
    } catch (error) {
      this.#isWaiting = false
      if (!signal.aborted) this.#cutOff(asWaxsealError(error), Math.min(clock.now() - since, waitMs))
      return null
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  #nextMs(): number {
    const { pollWaitMs, clock } = this.#parts
    if (clock.now() >= this.#forgetAt) this.#mostMs = Math.min(pollWaitMs, longestMs)
    return this.#isKnown && !this.#isPlainNext && this.#mostMs >= Math.min(shortestMs, pollWaitMs) ? this.#mostMs : 0
  }

  #waited(splayMs: number | null): void {
    this.#isWaiting = true
    this.#cuts = 0
    this.#pauseMs = this.#splay(splayMs)
  }

  #asked({ retryAfterMs }: Work): number | null {
    return retryAfterMs === null ? null : afterRetryAfter(retryAfterMs, this.#parts.clock.random())
  }

  /** Between the call that found a server back and the next one: its whole fleet comes back in one minute. */
  #apart(): number {
    return (this.#parts.awayMs() / 2) * this.#parts.clock.random()
  }

  #splay(splayMs: number | null = null): number {
    return (splayMs ?? usualSplayMs) * this.#parts.clock.random()
  }

  /**
   * A plain call comes next, and tells whether it was the server. It comes at a time of its own: a server that is killed cuts off its
   * whole fleet at once. Once may have been that; twice in a row is shorter from now on.
   */
  #cutOff(error: WaxsealError, afterMs: number): void {
    const { clock, log } = this.#parts
    // The first one that is answered again brings a connection, which the heartbeat takes before the next call waits.
    this.#isPlainNext = isAway(error)
    if (!isAway(error) || error.details['retryAfterMs'] !== undefined || afterMs < soonMs) throw error
    this.#isCut = true
    this.#pauseMs = this.#parts.awayMs() * clock.random()
    this.#cuts += 1
    if (this.#cuts < 2) return
    this.#cuts = 0
    this.#mostMs = Math.floor((afterMs * 2) / 3)
    this.#forgetAt = clock.now() + rememberedMs
    log.info(
      { afterMs, reason: error.details['reason'] },
      'calls that wait for work are cut off: shorter ones from now on',
    )
  }
}
