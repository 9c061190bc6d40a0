import type { Report } from '../documents/report.ts'
import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/file/document-folder.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { deadSchema, waitingSchema } from './outbox-schema.ts'

interface Waiting {
  readonly report: Report
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly nextAt: number
  /** When it was put here; left out: by a version that did not say. */
  readonly since?: number
  /** What the control plane said when it refused every report of this kind; left out: it has not. */
  readonly refusal?: string
}

/** Reports of a kind that the control plane takes from nobody like this agent. */
export interface HeldReports {
  readonly kind: Report['kind']
  readonly count: number
  readonly refusal: string
}

/** A report that the control plane refused. */
export interface DeadLetter {
  readonly report: Report
  readonly refusal: string
}

/** Results: durable before they are sent, and sent until they are acknowledged or refused (law 8). */
export interface Outbox {
  put(report: Report): Promise<void>
  /**
   * Sends what is due, oldest first. Returns the milliseconds until something is due again; null: nothing waits.
   * Throws what the disk refused, after every other report had its turn.
   */
  flush(send: (report: Report) => Promise<void>): Promise<number | null>
  /** How many reports wait, without those that are held. */
  depth(): Promise<number>
  /** Of a kind that is refused as a whole: a few are kept and tried again now and then, and hold up no other. */
  held(): Promise<readonly HeldReports[]>
  deadLetters(): Promise<readonly DeadLetter[]>
}

const firstMs = 2000
const longestMs = 5 * 60_000

/** Between two tries of a kind that is refused as a whole. */
const heldMs = 6 * 60 * 60_000
const mostHeld = 100
const mostDead = 200

/** How long a report is tried that the server answers with an error of its own, while it takes others: ten days. */
const hopelessMs = 10 * 86_400_000

/** Opens the outbox and its dead letters below the state directory. `isShared`: another process may be writing there. */
export async function openOutbox(options: {
  readonly path: string
  readonly deadPath: string
  readonly clock: Clock
  readonly isShared?: boolean
}): Promise<Outbox> {
  const { path, deadPath, clock, isShared = false } = options
  const waiting = await openDocumentFolder<Waiting>({ path, schema: waitingSchema, isShared })
  const dead = await openDocumentFolder<DeadLetter>({ path: deadPath, schema: deadSchema, isShared })
  const outbox = new DurableOutbox(waiting, dead, clock)
  if (!isShared) await outbox.askAgain()
  return outbox
}

class DurableOutbox implements Outbox {
  readonly #waiting: DocumentFolder<Waiting>
  readonly #dead: DocumentFolder<DeadLetter>
  readonly #clock: Clock
  readonly #inTurn = oneAtATime()
  readonly #refused = new Map<Report['kind'], { readonly until: number; readonly refusal: string }>()
  /** The kinds of which one was taken since the start. */
  readonly #taken = new Set<Report['kind']>()
  /** The kinds of which none is held for certain: not every report that is taken has to have all others read. */
  readonly #free = new Set<Report['kind']>()

  constructor(waiting: DocumentFolder<Waiting>, dead: DocumentFolder<DeadLetter>, clock: Clock) {
    this.#waiting = waiting
    this.#dead = dead
    this.#clock = clock
  }

  async put(report: Report): Promise<void> {
    const id = keyOf(report)
    await this.#inTurn(async () => {
      if (this.#refusalOf(report) === null)
        await this.#waiting.put(id, { report, attempts: 0, nextAt: this.#clock.now(), since: this.#clock.now() })
      else await this.#hold(id, { report, attempts: 0 })
    })
  }

  /** After a start the credential may be another one: the oldest of each kind that is held is tried at once. */
  async askAgain(): Promise<void> {
    const first = new Map<Report['kind'], string>()
    for (const { id, document } of await this.#waiting.list()) {
      const { report, refusal } = document
      if (refusal === undefined || first.has(report.kind)) continue
      first.set(report.kind, id)
      // A disk that takes nothing stops no start: it is tried when its time comes.
      await this.#waiting.put(id, { ...document, nextAt: this.#clock.now() }).catch(() => {})
    }
  }

  async flush(send: (report: Report) => Promise<void>): Promise<number | null> {
    const failures: unknown[] = []
    for (const { id, document } of await this.#waiting.list()) {
      if (document.nextAt > this.#clock.now()) continue
      await this.#deliver(id, document, send).catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
    const left = await this.#waiting.list()
    if (left.length === 0) return null
    return Math.max(0, Math.min(...left.map(({ document }) => document.nextAt)) - this.#clock.now())
  }

  async depth(): Promise<number> {
    return (await this.#waiting.list()).filter(({ document }) => document.refusal === undefined).length
  }

  async held(): Promise<readonly HeldReports[]> {
    const byKind = new Map<Report['kind'], HeldReports>()
    for (const { document } of await this.#waiting.list()) {
      const { report, refusal } = document
      if (refusal === undefined) continue
      byKind.set(report.kind, { kind: report.kind, refusal, count: (byKind.get(report.kind)?.count ?? 0) + 1 })
    }
    return [...byKind.values()]
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return (await this.#dead.list()).map(({ document }) => document)
  }

  async #deliver(id: string, entry: Waiting, send: (report: Report) => Promise<void>): Promise<void> {
    const { report } = entry
    if (this.#refusalOf(report) !== null) {
      await this.#inTurn(() => this.#hold(id, entry))
      return
    }
    const failure = await failureOf(() => send(report))
    await this.#inTurn(async () => {
      if (failure === null) await this.#release(report.kind)
      if (await this.#isReplaced(id, report)) return
      if (failure === null) await this.#waiting.remove(id)
      else if (isOfItsKind(report, failure)) await this.#refuse(id, entry, failure)
      else if (isRefused(failure) || this.#isHopeless(entry, failure)) await this.#bury(id, report, failure)
      else await this.#putOff(id, entry, failure)
    })
  }

  #refusalOf({ kind }: Report): string | null {
    const refused = this.#refused.get(kind)
    return refused === undefined || refused.until <= this.#clock.now() ? null : refused.refusal
  }

  async #refuse(id: string, entry: Waiting, failure: WaxsealError): Promise<void> {
    const until = this.#clock.now() + heldMs
    this.#refused.set(entry.report.kind, { until, refusal: refusalIn(failure) })
    await this.#hold(id, entry)
  }

  /** The newest are kept: what the control plane takes one day should be of use. */
  async #hold(id: string, { report, attempts }: Pick<Waiting, 'report' | 'attempts'>): Promise<void> {
    this.#free.delete(report.kind)
    const { until, refusal } = this.#refused.get(report.kind) ?? { until: this.#clock.now() + heldMs, refusal: '' }
    await this.#waiting.put(id, { report, attempts, nextAt: until, refusal })
    const held = (await this.#waiting.list()).filter(
      ({ document }) => document.refusal !== undefined && document.report.kind === report.kind,
    )
    for (const { id: oldest } of held.slice(0, -mostHeld)) await this.#waiting.remove(oldest)
  }

  /** A report was taken: what was held of its kind is sent, too. */
  async #release(kind: Report['kind']): Promise<void> {
    this.#taken.add(kind)
    this.#refused.delete(kind)
    if (this.#free.has(kind)) return
    for (const { id, document } of await this.#waiting.list()) {
      const { report, refusal } = document
      if (refusal === undefined || report.kind !== kind) continue
      await this.#waiting.put(id, { report, attempts: 0, nextAt: this.#clock.now() })
    }
    this.#free.add(kind)
  }

  /** A server may have forgotten the job and have no better word for that than an error of its own. */
  #isHopeless({ report, since = this.#clock.now() }: Waiting, { details }: WaxsealError): boolean {
    const isAnswered = typeof details['status'] === 'number' && details['status'] >= 500
    return isAnswered && this.#clock.now() - since > hopelessMs && this.#taken.has(report.kind)
  }

  /** The job may have ended while its `Running` was on the way: the final report waits in the same place now. */
  async #isReplaced(id: string, sent: Report): Promise<boolean> {
    const current = await this.#waiting.get(id)
    return current === null || JSON.stringify(current.report) !== JSON.stringify(sent)
  }

  async #bury(id: string, report: Report, failure: WaxsealError): Promise<void> {
    await this.#dead.put(id, { report, refusal: refusalIn(failure) })
    await this.#waiting.remove(id)
    for (const { id: oldest } of (await this.#dead.list()).slice(0, -mostDead)) await this.#dead.remove(oldest)
  }

  async #putOff(
    id: string,
    { report, attempts, since = this.#clock.now() }: Waiting,
    failure: WaxsealError,
  ): Promise<void> {
    const ceiling = Math.min(firstMs * 2 ** Math.min(attempts, 30), longestMs)
    const asked = failure.details['retryAfterMs']
    const wait = Math.max(ceiling * (0.5 + 0.5 * this.#clock.random()), typeof asked === 'number' ? asked : 0)
    await this.#waiting.put(id, { report, attempts: attempts + 1, nextAt: this.#clock.now() + wait, since })
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

/** A later status of the same job takes the place of an earlier one: the final state wins. */
function keyOf(report: Report): string {
  return `${report.jobId}/${report.kind}`
}

function refusalIn({ details }: WaxsealError): string {
  return `${details['status']} ${details['answer'] ?? ''}`.trim()
}

/** What the job came to has been told with its status; a role that may not report verifications may never. */
function isOfItsKind({ kind }: Report, { code, details }: WaxsealError): boolean {
  return kind === 'verification' && code === 'CONTROL_PLANE_REFUSED' && details['status'] === 403
}

/** A credential that is refused today may be accepted tomorrow: the result is kept. */
function isRefused({ code, details }: WaxsealError): boolean {
  return code === 'CONTROL_PLANE_REFUSED' && details['status'] !== 401 && details['status'] !== 403
}
