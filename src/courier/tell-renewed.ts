import type { HostFacts } from '../control-plane/host-facts.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { Clock } from '../host/clock.ts'
import type { Deliveries } from './deliveries.ts'
import type { Member } from './member.ts'
import type { Reporter } from './reporter.ts'

/** What telling it needs. */
export interface TellingParts {
  readonly facts: HostFacts
  readonly controlPlane: Pick<ControlPlane, 'heartbeat'>
  readonly member: Pick<Member, 'host'>
  readonly deliveries: Pick<Deliveries, 'hasten' | 'failureOf'>
  readonly reporter: Pick<Reporter, 'flush'>
  readonly clock: Pick<Clock, 'now'>
}

/** So long, in milliseconds, no work is asked for: a control plane that fails at this report alone may do so for ever. */
const longestMs = 60 * 60_000

/**
 * What this host has renewed by itself is told before the next poll: a control plane that does not know it plans a renewal of its own, and
 * hands out what the host has left behind. It says with a heartbeat's answer whether it takes that.
 */
export class RenewedFirst {
  readonly #parts: TellingParts
  /** Since when it answers and has not taken it, in milliseconds since 1970; null: there is nothing to tell. */
  #failingSince: number | null = null

  constructor(parts: TellingParts) {
    this.#parts = parts
  }

  /** Rejects as the report did, where it is to be told still. What was refused for good is told; after an hour it holds up nothing. */
  async tell(): Promise<void> {
    const { facts, controlPlane, member, deliveries, reporter, clock } = this.#parts
    // A clock that is set back makes it no longer.
    const since = Math.min(this.#failingSince ?? clock.now(), clock.now())
    this.#failingSince = null
    if (deliveries.hasten('renewed')) {
      await controlPlane.heartbeat(facts, member.host)
      await reporter.flush()
    }
    const failure = deliveries.failureOf('renewed')
    if (failure === null) return
    this.#failingSince = since
    if (clock.now() - since < longestMs) throw failure
  }
}
