import { afterRetryAfter } from '../control-plane/pace.ts'
import { unusable } from '../control-plane/request.ts'
import type { Delivered, Undelivered } from '../documents/ask.ts'
import type { Report } from '../documents/report.ts'
import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'

interface Waiting extends Undelivered {
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly nextAt: number
  /** Of the last try; null: none was made. */
  readonly failure: WaxsealError | null
}

const firstMs = 2000
const longestMs = 5 * 60_000

/** Between two tries of a kind that is refused as a whole. */
const heldMs = 6 * 60 * 60_000

/** How long a report is tried that the server answers with an error of its own, while it takes others: ten days. */
const hopelessMs = 10 * 86_400_000

/** The newest are kept: what the control plane takes one day should be of use. The deployer keeps as many. */
const mostHeld = 100

/** Whatever was sent lately is not sent again because of an answer that was on its way. */
const mostRemembered = 2000

/** The reports that the deployer keeps, while they are sent: copies, and when each is due. What became of them is told with `fates`. */
export class Deliveries {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiting>()
  readonly #fates = new Map<string, Delivered>()
  readonly #sent = new Set<string>()
  readonly #refused = new Map<Report['kind'], { readonly until: number; readonly refusal: string }>()
  /** The kinds of which one was taken since the start. */
  readonly #taken = new Set<Report['kind']>()
  /** The kinds that were held before the start, of which the oldest was due at once: the credential may be another one. */
  readonly #asked = new Set<Report['kind']>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes in what the deployer says is undelivered. A later report of the same id takes the place of an earlier one. */
  learn(reports: readonly Undelivered[]): void {
    for (const report of reports) {
      const { id, digest } = report
      if (this.#waiting.get(id)?.digest === digest) continue
      if (this.#sent.has(digest)) {
        this.#fates.set(id, { id, digest, fate: 'taken', refusal: null })
        continue
      }
      this.#waiting.set(id, { ...report, attempts: 0, nextAt: this.#firstTry(report), failure: null })
    }
  }

  /** Sends what is due, oldest first. Returns the milliseconds until something is due again; null: nothing waits. */
  async flush(send: (report: Report) => Promise<void>): Promise<number | null> {
    const due = [...this.#waiting.values()].filter(({ nextAt }) => nextAt <= this.#clock.now())
    for (const waiting of due.toSorted((one, other) => one.since - other.since)) await this.#deliver(waiting, send)
    if (this.#waiting.size === 0) return null
    return Math.max(0, Math.min(...[...this.#waiting.values()].map(({ nextAt }) => nextAt)) - this.#clock.now())
  }

  /** Where one of this kind waits, all that are not held are due now: they go in their order. False: none waits. */
  hasten(kind: Report['kind']): boolean {
    const waiting = [...this.#waiting.values()].filter(({ refusal }) => refusal === null)
    if (!waiting.some(({ report }) => report.kind === kind)) return false
    for (const one of waiting) this.#waiting.set(one.id, { ...one, nextAt: this.#clock.now() })
    return true
  }

  /** Why one of this kind that is not held waits still: its own failure, or that of one that goes before it. Null: none waits. */
  failureOf(kind: Report['kind']): WaxsealError | null {
    const waiting = [...this.#waiting.values()].filter(({ refusal }) => refusal === null)
    if (!waiting.some(({ report }) => report.kind === kind)) return null
    const failures = waiting.flatMap(({ failure }) => failure ?? [])
    return failures.at(-1) ?? unusable('it has not been told yet what waits to be reported')
  }

  /** What the deployer has not been told yet. */
  fates(): readonly Delivered[] {
    return [...this.#fates.values()]
  }

  /** The deployer knows these. */
  told(fates: readonly Delivered[]): void {
    for (const fate of fates) if (this.#fates.get(fate.id) === fate) this.#fates.delete(fate.id)
  }

  #firstTry({ report, refusal }: Undelivered): number {
    const now = this.#clock.now()
    if (refusal === null || this.#asked.has(report.kind)) return refusal === null ? now : now + heldMs
    this.#asked.add(report.kind)
    return now
  }

  async #deliver(waiting: Waiting, send: (report: Report) => Promise<void>): Promise<void> {
    const { digest, report } = waiting
    if (this.#isReplaced(waiting)) return
    // What it replaces may be told by an older one.
    if (report.kind === 'renewed' && this.#hasOlder(waiting)) return this.#wait(waiting)
    const refused = this.#refused.get(report.kind)
    if (refused !== undefined && refused.until > this.#clock.now()) return this.#hold(waiting, refused)
    const failure = await failureOf(() => send(report))
    if (failure === null) {
      this.#remember(digest)
      this.#release(report.kind)
      this.#end(waiting, 'taken', null)
    }
    // The job may have ended while its Running was on the way: the final report waits in the same place now.
    else if (this.#isReplaced(waiting)) return
    else if (isOfItsKind(report, failure)) this.#refuse(waiting, failure)
    else if (isRefused(failure) || this.#isHopeless(waiting, failure)) this.#end(waiting, 'refused', refusalIn(failure))
    else this.#putOff(waiting, failure)
  }

  #hasOlder({ since }: Waiting): boolean {
    return [...this.#waiting.values()].some((one) => one.since < since && one.refusal === null)
  }

  #wait(waiting: Waiting): void {
    this.#waiting.set(waiting.id, { ...waiting, nextAt: this.#clock.now() + firstMs })
  }

  #isReplaced({ id, digest }: Waiting): boolean {
    return this.#waiting.get(id)?.digest !== digest
  }

  #end(waiting: Waiting, fate: Delivered['fate'], refusal: string | null): void {
    const { id, digest } = waiting
    if (!this.#isReplaced(waiting)) this.#waiting.delete(id)
    this.#fates.set(id, { id, digest, fate, refusal })
  }

  #refuse(waiting: Waiting, failure: WaxsealError): void {
    const refused = { until: this.#clock.now() + heldMs, refusal: refusalIn(failure) }
    this.#refused.set(waiting.report.kind, refused)
    this.#hold(waiting, refused)
  }

  #hold(waiting: Waiting, { until, refusal }: { readonly until: number; readonly refusal: string }): void {
    const { id, digest } = waiting
    if (waiting.refusal === null) this.#fates.set(id, { id, digest, fate: 'held', refusal })
    this.#waiting.set(id, { ...waiting, refusal, nextAt: until })
    const held = [...this.#waiting.values()].filter(
      (one) => one.refusal !== null && one.report.kind === waiting.report.kind,
    )
    for (const oldest of held.toSorted((one, other) => one.since - other.since).slice(0, -mostHeld))
      this.#waiting.delete(oldest.id)
  }

  /** A report was taken: what was held of its kind is due, too. */
  #release(kind: Report['kind']): void {
    this.#taken.add(kind)
    this.#refused.delete(kind)
    for (const [id, waiting] of this.#waiting)
      if (waiting.refusal !== null && waiting.report.kind === kind)
        this.#waiting.set(id, { ...waiting, refusal: null, attempts: 0, nextAt: this.#clock.now() })
  }

  /** A server may have forgotten the job and have no better word for that than an error of its own. */
  #isHopeless({ report, since }: Waiting, { details }: WaxsealError): boolean {
    const isAnswered = typeof details['status'] === 'number' && details['status'] >= 500
    return isAnswered && this.#clock.now() - since > hopelessMs && this.#taken.has(report.kind)
  }

  #putOff(waiting: Waiting, failure: WaxsealError): void {
    const ceiling = Math.min(firstMs * 2 ** Math.min(waiting.attempts, 30), longestMs)
    const asked = failure.details['retryAfterMs']
    const random = this.#clock.random()
    const wait = Math.max(
      ceiling * (0.5 + 0.5 * random),
      typeof asked === 'number' ? afterRetryAfter(asked, random) : 0,
    )
    const next = { attempts: waiting.attempts + 1, nextAt: this.#clock.now() + wait, failure }
    this.#waiting.set(waiting.id, { ...waiting, ...next })
  }

  #remember(digest: string): void {
    this.#sent.add(digest)
    for (const oldest of this.#sent) {
      if (this.#sent.size <= mostRemembered) return
      this.#sent.delete(oldest)
    }
  }
}

async function failureOf(work: () => Promise<void>): Promise<WaxsealError | null> {
  try {
    await work()
    return null
  } catch (error) {
    return asWaxsealError(error)
  }
}

function refusalIn({ details }: WaxsealError): string {
  return `${details['status']} ${details['answer'] ?? ''}`.trim().slice(0, 1000)
}

/** What the job came to has been told with its status; a role that may not report verifications may never. */
function isOfItsKind({ kind }: Report, { code, details }: WaxsealError): boolean {
  return kind === 'verification' && code === 'CONTROL_PLANE_REFUSED' && details['status'] === 403
}

/** A credential that is refused today may be accepted tomorrow: the result is kept. */
function isRefused({ code, details }: WaxsealError): boolean {
  return code === 'CONTROL_PLANE_REFUSED' && details['status'] !== 401 && details['status'] !== 403
}
