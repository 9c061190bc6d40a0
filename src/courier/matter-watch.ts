import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { emptyLedger, type Ledger, ledgerBounds, type WaitingNotice } from '../documents/ledger.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { type Clock, pause } from '../host/clock.ts'
import type { Channel } from '../notice/channel.ts'
import type { Condition, Matter, MatterKind } from '../notice/matter.ts'
import { lookAt, toTell, whenTold } from '../notice/matter-life.ts'
import { isMutedBy, type Mute } from '../notice/mute.ts'
import { noticeOf } from '../notice/notice.ts'
import { mayMake, nextTry } from '../notice/notice-pace.ts'
import type { Deployer } from './deployer.ts'
import { hostConditions } from './host-conditions.ts'
import { type CourierState, statusLine } from './state.ts'

/** How people are told of what is the matter on this host. */
export interface TellingParts {
  readonly channels: readonly Channel[]
  readonly leaveOut: readonly MatterKind[]
  readonly readMutes: () => Promise<readonly Mute[]>
  /** The name of this host. */
  readonly from: string
}

/** What the watch needs. */
export interface MatterParts extends TellingParts {
  readonly deployer: Pick<Deployer, 'ask'>
  readonly readShown: () => Promise<ShownHost | null>
  readonly state: Pick<CourierState, 'controlPlaneError' | 'deployerError'>
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn'>
  readonly signal: AbortSignal
}

const lookEveryMs = 60_000
/** Of each channel. */
const mostWaiting = 3
/** Where the deployer does not say by then what was told before, people are told without: twice rather than never. */
const looksToWait = 5

/** Looks once a minute until the signal aborts, and tells people what is the matter. */
export async function watchMatters(
  watch: MatterWatch,
  { clock, signal }: Pick<MatterParts, 'clock' | 'signal'>,
): Promise<void> {
  while (!signal.aborted) {
    await watch.once()
    await pause(clock, lookEveryMs, signal)
  }
}

/** What was told, and what is still to be sent. */
export class MatterWatch {
  readonly #parts: MatterParts
  #ledger: Ledger = emptyLedger
  #isLoaded = false
  #looksInVain = 0
  /** Why the deployer did not say what was told before; null: it did. */
  #loadError: string | null = null
  /** What the deployer keeps. */
  #kept = ''
  /** What else is seen, by who looks for it. */
  readonly #others = new Map<string, readonly Condition[]>()

  constructor(parts: MatterParts) {
    this.#parts = parts
  }

  /** One look, one message at most, and a try for each that waits. Never throws. */
  async once(): Promise<void> {
    const { log } = this.#parts
    try {
      await this.#load()
      if (!this.#isLoaded && this.#looksInVain < looksToWait) return
      await this.#look()
      // Durable before it is sent. Where that cannot be it is sent all the same: told twice rather than never.
      await this.#keep()
      await this.#send()
      await this.#keep()
    } catch (error) {
      log.warn({ reason: describeError(asWaxsealError(error)) }, 'it was not looked for what is to be told')
    }
  }

  /** From now on these are seen as well, in place of what `source` said before. */
  note(source: string, conditions: readonly Condition[]): void {
    this.#others.set(source, conditions)
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return
    const { deployer, log } = this.#parts
    try {
      const { ledger } = await deployer.ask({ ask: 'matters', ledger: null })
      this.#ledger = joined(ledger, this.#ledger)
      this.#kept = essence(ledger)
      this.#isLoaded = true
      this.#loadError = null
    } catch (error) {
      const coded = asWaxsealError(error)
      this.#looksInVain += 1
      this.#loadError = statusLine(coded)
      log.warn({ reason: describeError(coded) }, 'the deployer does not say what people were told before')
    }
  }

  async #look(): Promise<void> {
    const { readShown, state, clock, leaveOut, readMutes, channels, from } = this.#parts
    const now = clock.now()
    const [shown, mutes] = [await readShown(), await readMutes()]
    const errors = {
      controlPlaneError: state.controlPlaneError,
      deployerError: state.deployerError ?? this.#loadError,
    }
    const conditions = [...hostConditions(shown, errors, now), ...[...this.#others.values()].flat()]
      .filter(({ kind }) => !leaveOut.includes(kind))
      .map((one) => ({ ...one, text: one.text.slice(0, ledgerBounds.text) }))
    const incomplete = new Set<MatterKind>(
      shown === null ? ['deployment', 'rollback-failed', 'certificate-end', 'drift'] : [],
    )
    const matters = lookAt(this.#ledger.matters, { now, conditions, incomplete }).slice(0, ledgerBounds.matters)
    const { made } = this.#ledger
    const told = toTell(matters, now, isMutedBy(mutes, now))
    const id = `notice-${randomBytes(8).toString('hex')}`
    const notice = channels.length > 0 && mayMake(made, now) ? noticeOf(id, from, told, now) : null
    if (notice === null) {
      this.#ledger = { ...this.#ledger, matters }
      return
    }
    const waiting = channels.map(({ name }) => ({ channel: name, notice, madeAt: now, attempts: 0, nextTryAt: now }))
    this.#ledger = {
      matters: whenTold(matters, told, now),
      made: [...made, now].slice(-ledgerBounds.made),
      waiting: bounded([...this.#ledger.waiting, ...waiting]),
    }
  }

  async #send(): Promise<void> {
    const { channels, clock, log } = this.#parts
    const left: WaitingNotice[] = []
    for (const one of this.#ledger.waiting) {
      const channel = channels.find(({ name }) => name === one.channel)
      if (channel === undefined) continue
      if (one.nextTryAt > clock.now()) left.push(one)
      else {
        const error = await channel.send(one.notice).then(
          () => null,
          (failure: unknown) => describeError(asWaxsealError(failure)),
        )
        if (error === null) continue
        log.warn({ channel: one.channel, reason: error }, 'people were not told, and it is tried again')
        const attempts = one.attempts + 1
        const wait = nextTry(attempts, clock.now() - one.madeAt)
        if (wait !== null) left.push({ ...one, attempts, nextTryAt: clock.now() + wait })
      }
    }
    this.#ledger = { ...this.#ledger, waiting: left }
  }

  /** Where it differs in more than when a matter was seen: the deployer need not be started for that. */
  async #keep(): Promise<void> {
    // What it keeps is not written over unread.
    if (!this.#isLoaded) return
    const { deployer, log } = this.#parts
    const now = essence(this.#ledger)
    if (now === this.#kept) return
    try {
      await deployer.ask({ ask: 'matters', ledger: this.#ledger })
      this.#kept = now
    } catch (error) {
      log.warn({ reason: describeError(asWaxsealError(error)) }, 'what was told is not kept: a restart tells it again')
    }
  }
}

/** What is kept, with what was told without it. */
function joined(kept: Ledger, own: Ledger): Ledger {
  const ownById = new Map(own.matters.map((matter) => [matter.id, matter]))
  const keptIds = new Set(kept.matters.map(({ id }) => id))
  return {
    matters: [
      ...kept.matters.map((matter) => toldLast(matter, ownById.get(matter.id))),
      ...own.matters.filter(({ id }) => !keptIds.has(id)),
    ],
    made: [...kept.made, ...own.made].slice(-ledgerBounds.made),
    waiting: bounded([...kept.waiting, ...own.waiting]),
  }
}

function toldLast(kept: Matter, own: Matter | undefined): Matter {
  return own !== undefined && (own.toldAt ?? 0) > (kept.toldAt ?? 0) ? own : kept
}

/** The newest of each channel, and of all. */
function bounded(waiting: readonly WaitingNotice[]): readonly WaitingNotice[] {
  const ofChannels = Object.values(Object.groupBy(waiting, ({ channel }) => channel))
  return ofChannels.flatMap((list = []) => list.slice(-mostWaiting)).slice(-ledgerBounds.waiting)
}

function essence({ matters, ...rest }: Ledger): string {
  const told = matters.map(({ id, overAt, toldAt, toldAs }: Matter) => [id, overAt !== null, toldAt, toldAs])
  return JSON.stringify([told, rest])
}
