import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/document-folder.ts'
import type { Outcome } from '../outcome/outcome.ts'

/** What the control plane is told of a job. */
export type Report =
  | {
      readonly kind: 'status'
      readonly jobId: string
      readonly status: 'Running' | 'Completed' | 'Failed'
      readonly error?: string
      readonly outcome?: Outcome
    }
  | {
      readonly kind: 'verification'
      readonly jobId: string
      readonly targetId: string
      readonly expected: string
      readonly actual: string
      readonly verified: boolean
      readonly error?: string
    }

interface Waiting {
  readonly report: Report
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly nextAt: number
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
  depth(): Promise<number>
  deadLetters(): Promise<readonly DeadLetter[]>
}

const firstMs = 2000
const longestMs = 5 * 60_000

/** Opens the outbox and its dead letters below the state directory. */
export async function openOutbox(options: {
  readonly path: string
  readonly deadPath: string
  readonly clock: Clock
}): Promise<Outbox> {
  const waiting = await openDocumentFolder<Waiting>({ path: options.path, schema: waitingSchema })
  const dead = await openDocumentFolder<DeadLetter>({ path: options.deadPath, schema: deadSchema })
  return new DurableOutbox(waiting, dead, options.clock)
}

class DurableOutbox implements Outbox {
  readonly #waiting: DocumentFolder<Waiting>
  readonly #dead: DocumentFolder<DeadLetter>
  readonly #clock: Clock
  readonly #inTurn = oneAtATime()

  constructor(waiting: DocumentFolder<Waiting>, dead: DocumentFolder<DeadLetter>, clock: Clock) {
    this.#waiting = waiting
    this.#dead = dead
    this.#clock = clock
  }

  async put(report: Report): Promise<void> {
    const entry = { report, attempts: 0, nextAt: this.#clock.now() }
    await this.#inTurn(() => this.#waiting.put(keyOf(report), entry))
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
    return (await this.#waiting.list()).length
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return (await this.#dead.list()).map(({ document }) => document)
  }

  async #deliver(id: string, entry: Waiting, send: (report: Report) => Promise<void>): Promise<void> {
    const failure = await failureOf(() => send(entry.report))
    await this.#inTurn(async () => {
      if (await this.#isReplaced(id, entry.report)) return
      if (failure === null) await this.#waiting.remove(id)
      else if (isRefused(failure)) await this.#bury(id, entry.report, failure)
      else await this.#putOff(id, entry, failure)
    })
  }

  /** The job may have ended while its `Running` was on the way: the final report waits in the same place now. */
  async #isReplaced(id: string, sent: Report): Promise<boolean> {
    const current = await this.#waiting.get(id)
    return current === null || JSON.stringify(current.report) !== JSON.stringify(sent)
  }

  async #bury(id: string, report: Report, failure: WaxsealError): Promise<void> {
    await this.#dead.put(id, {
      report,
      refusal: `${failure.details['status']} ${failure.details['answer'] ?? ''}`.trim(),
    })
    await this.#waiting.remove(id)
  }

  async #putOff(id: string, { report, attempts }: Waiting, failure: WaxsealError): Promise<void> {
    const ceiling = Math.min(firstMs * 2 ** Math.min(attempts, 30), longestMs)
    const asked = failure.details['retryAfterMs']
    const wait = Math.max(ceiling * (0.5 + 0.5 * this.#clock.random()), typeof asked === 'number' ? asked : 0)
    await this.#waiting.put(id, { report, attempts: attempts + 1, nextAt: this.#clock.now() + wait })
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

/** Runs what it is given one after the other, so that reading a document and changing it are one step. */
function oneAtATime(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
}

/** A later status of the same job takes the place of an earlier one: the final state wins. */
function keyOf(report: Report): string {
  return `${report.jobId}/${report.kind}`
}

/** A credential that is refused today may be accepted tomorrow: the result is kept. */
function isRefused({ code, details }: WaxsealError): boolean {
  return code === 'CONTROL_PLANE_REFUSED' && details['status'] !== 401 && details['status'] !== 403
}

const reportSchema = {
  type: 'object',
  required: ['kind', 'jobId'],
  properties: { kind: { enum: ['status', 'verification'] }, jobId: { type: 'string', minLength: 1 } },
} as const

const waitingSchema = {
  type: 'object',
  required: ['report', 'attempts', 'nextAt'],
  properties: { report: reportSchema, attempts: { type: 'integer', minimum: 0 }, nextAt: { type: 'number' } },
} as const

const deadSchema = {
  type: 'object',
  required: ['report', 'refusal'],
  properties: { report: reportSchema, refusal: { type: 'string' } },
} as const
