import type { Logger } from 'pino'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { Report } from '../documents/report.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { refusedKind } from '../outbox/refused-kind.ts'
import { longestTurnMs, type Progress, slackMs } from './progress.ts'

/** What sending results needs. */
export interface ReporterParts {
  readonly outbox: Outbox
  readonly controlPlane: Pick<ControlPlane, 'reportStatus' | 'reportVerification'>
  readonly clock: Clock
  readonly progress: Progress
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** The longest time between two looks into the outbox, in milliseconds. */
const longestMs = 5 * 60_000

/** Between two tries with an outbox that no disk lets us read or write, in milliseconds. */
const brokenMs = 5000

/** Sends what the outbox holds: at once when it is woken, else when the next try is due. No failure ends it. */
export class Reporter {
  readonly #parts: ReporterParts
  #wake = new AbortController()
  /** The kinds of report of which it was said that they are refused. */
  readonly #said = new Set<Report['kind']>()

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  wake(): void {
    this.#wake.abort()
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, progress } = this.#parts
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const woken = AbortSignal.any([signal, this.#wake.signal])
      const wait = Math.min((await this.flush()) ?? longestMs, longestMs)
      progress.expect('report', wait + slackMs)
      await clock.sleep(wait, woken).catch(() => {})
    }
    progress.end('report')
  }

  /** Sends what is due. Returns the milliseconds until something is due again; null: nothing waits. */
  async flush(): Promise<number | null> {
    const { outbox, log, progress } = this.#parts
    progress.expect('report', longestTurnMs)
    try {
      return await outbox.flush((report) => this.#send(report))
    } catch (error) {
      log.warn({ reason: describeError(asWaxsealError(error)), wait: brokenMs }, 'the outbox failed')
      return brokenMs
    }
  }

  async #send(report: Report): Promise<void> {
    const { controlPlane, log, progress } = this.#parts
    progress.expect('report', longestTurnMs)
    const about = { job: report.jobId, report: report.kind }
    await send(controlPlane, report).catch((error: unknown) => {
      const { code, details } = asWaxsealError(error)
      log.info({ ...about, code }, 'report put off')
      if (report.kind === 'verification' && details['status'] === 403) this.#sayRefused(report.kind)
      throw error
    })
    this.#said.delete(report.kind)
    log.info({ ...about, final: report.kind !== 'status' || report.status !== 'Running' }, 'reported')
  }

  #sayRefused(kind: 'verification'): void {
    if (this.#said.has(kind)) return
    this.#said.add(kind)
    this.#parts.log.warn({ report: kind }, refusedKind)
  }
}

async function send(controlPlane: ReporterParts['controlPlane'], report: Report): Promise<void> {
  const { kind: _, jobId, ...body } = report
  if ('status' in body) await controlPlane.reportStatus(jobId, body)
  else await controlPlane.reportVerification(jobId, body)
}
