import type { Logger } from 'pino'
import type { Heard } from '../control-plane/heard.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import type { Deployer } from './deployer.ts'
import type { Rounds } from './rounds.ts'

/** What looking after claimed jobs needs. */
export interface ClaimParts {
  readonly deployer: Deployer
  readonly controlPlane: Pick<ControlPlane, 'renewLease'>
  readonly rounds: Pick<Rounds, 'isSettled' | 'collect'>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Logger, 'info'>
}

/** Calls of the control plane side by side. */
const mostCalls = 8

/** However short a lease is, in milliseconds. */
const shortestMs = 10_000

/** A slow server must not hold up the heartbeats: after this time, in milliseconds, the rest waits for the next one. */
const longestMs = 60_000

/** The jobs that the control plane has given to this host and that were not begun: kept for it, or cancelled. */
export class Claims {
  readonly #parts: ClaimParts
  #cancel: ReadonlySet<string> = new Set()
  /** Those of them that the deployer has heard of: a deployer at rest is not started to hear it again. */
  #asked: ReadonlySet<string> = new Set()

  constructor(parts: ClaimParts) {
    this.#parts = parts
  }

  /** After each heartbeat. Returns in how many milliseconds the leases are to be renewed again; null: there are none. Never throws. */
  async heard({ features, cancel }: Heard): Promise<number | null> {
    this.#cancel = new Set(cancel)
    try {
      if (!this.#parts.rounds.isSettled || cancel.some((id) => !this.#asked.has(id))) await this.#cancelAll(cancel)
      this.#asked = this.#cancel
      return features.has('lease') ? await this.#renew() : null
    } catch (error) {
      this.#say(error, 'leases and cancellations wait for the next heartbeat')
      return null
    }
  }

  /** A call for work said it. Never throws. */
  async asked(cancel: readonly string[]): Promise<void> {
    const isNews = cancel.some((id) => !this.#asked.has(id))
    this.#cancel = new Set(cancel)
    if (!isNews) return
    await this.#cancelAll(cancel)
      .then(() => {
        this.#asked = this.#cancel
      })
      .catch((error: unknown) => this.#say(error, 'cancellations wait for the next heartbeat'))
  }

  /** A job may come that was to be cancelled before it came: it is not begun. Never throws. */
  async taken(jobs: readonly { readonly id: string }[]): Promise<void> {
    const ids = jobs.flatMap(({ id }) => (this.#cancel.has(id) ? [id] : []))
    await this.#cancelAll(ids).catch((error: unknown) => this.#say(error, 'cancellations wait for the next heartbeat'))
  }

  async #cancelAll(jobIds: readonly string[]): Promise<void> {
    if (jobIds.length === 0) return
    await this.#parts.deployer.ask({ ask: 'cancel', jobIds: jobIds.slice(0, 1000) })
    await this.#parts.rounds.collect()
  }

  async #renew(): Promise<number | null> {
    const { deployer, controlPlane, rounds, clock } = this.#parts
    // It would be started for nothing.
    if (rounds.isSettled) return null
    const { jobIds } = await deployer.ask({ ask: 'unbegun' })
    const leases: number[] = []
    const until = clock.now() + longestMs
    for (let at = 0; at < jobIds.length && clock.now() < until; at += mostCalls) {
      const ended = await Promise.allSettled(jobIds.slice(at, at + mostCalls).map((id) => controlPlane.renewLease(id)))
      for (const end of ended) {
        if (end.status === 'fulfilled') leases.push(end.value)
        else throwUnlessRefused(end.reason)
      }
    }
    return leases.length === 0 ? null : Math.max(Math.min(...leases) / 3, shortestMs)
  }

  #say(error: unknown, message: string): void {
    const coded = asWaxsealError(error)
    this.#parts.log.info({ code: coded.code, reason: describeError(coded) }, message)
  }
}

/** A job that is final there, or came without a lease: what becomes of it is reported all the same. A credential is told of elsewhere. */
function throwUnlessRefused(error: unknown): void {
  const coded = asWaxsealError(error)
  if (coded.code !== 'CONTROL_PLANE_REFUSED') throw coded
}
