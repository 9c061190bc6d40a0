import type { ToldPace } from '../control-plane/heard.ts'
import { awayMs, longestToldMs, pollWait } from '../control-plane/pace.ts'

/** How often this host is configured to call, in milliseconds. */
export interface OwnPace {
  readonly pollIntervalMs: number
  readonly heartbeatIntervalMs: number
}

/** An interval that is no longer than this asks nobody to be slower, in milliseconds: it is what a host has by default. */
const usualMs = 30_000

/**
 * How often this host calls: as it is configured, and more seldom where the control plane of a large fleet asks for that. Whatever it
 * tells, no host calls more often than its administrator wants, nor more seldom than every three minutes because of it.
 */
export class Pace {
  readonly #own: OwnPace
  #told: ToldPace = { pollIntervalMs: null, splayMs: null }

  constructor(own: OwnPace) {
    this.#own = own
  }

  /** What a server told last counts; one that tells nothing any more asks for nothing. */
  heard({ pollIntervalMs, splayMs }: ToldPace): void {
    this.#told = { pollIntervalMs, splayMs }
  }

  /** How often one that is away is asked, in milliseconds. */
  get awayMs(): number {
    return Math.max(awayMs(this.#own.pollIntervalMs), this.#toldMs)
  }

  /** Milliseconds to the next heartbeat. `longer`: so many times as long as usual. */
  heartbeatWait(random: number, longer = 1): number {
    return pollWait(Math.max(this.#own.heartbeatIntervalMs * longer, this.#toldMs), random)
  }

  /** Milliseconds to the next call for work that does not wait. `splayRandom`: for what the server adds. */
  workWait(random: number, splayRandom: number): number {
    const splayMs = this.#toldMs === 0 ? 0 : (this.#told.splayMs ?? 0)
    return pollWait(Math.max(this.#own.pollIntervalMs, this.#toldMs), random) + splayMs * splayRandom
  }

  get #toldMs(): number {
    const told = this.#told.pollIntervalMs ?? 0
    return told > usualMs ? Math.min(told, longestToldMs) : 0
  }
}
