import type { Logger } from 'pino'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { Report } from '../documents/report.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { type Clock, pause } from '../host/clock.ts'
import { refusedKind } from '../outbox/refused-kind.ts'
import type { Deliveries } from './deliveries.ts'
import type { Deployer } from './deployer.ts'
import { longestTurnMs, type Progress, slackMs } from './progress.ts'

/** What sending results needs. */
export interface ReporterParts {
  readonly deliveries: Deliveries
  readonly deployer: Deployer
  readonly controlPlane: Pick<ControlPlane, 'reportStatus' | 'reportVerification' | 'reportRenewed'>
  readonly clock: Clock
  readonly progress: Progress
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** The longest time between two looks, in milliseconds. */
const longestMs = 5 * 60_000

/** Between two tries to tell the deployer what was taken, in milliseconds. */
const untoldMs = 5000

/** In one document. */
const mostFates = 1000

/** Sends the reports that are undelivered: at once when it is woken, else when the next try is due. No failure ends it. */
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
      await pause(clock, wait, woken)
    }
    progress.end('report')
  }

  /** Sends what is due, and tells the deployer. Returns the milliseconds until something is due again; null: nothing waits. */
  async flush(): Promise<number | null> {
    const { deliveries, progress } = this.#parts
    progress.expect('report', longestTurnMs)
    const next = await deliveries.flush((report) => this.#send(report))
    return (await this.#tell()) ? next : Math.min(next ?? untoldMs, untoldMs)
  }

  /** False: the deployer does not know yet, and would offer them again. */
  async #tell(): Promise<boolean> {
    const { deliveries, deployer, log } = this.#parts
    const fates = deliveries.fates().slice(0, mostFates)
    if (fates.length === 0) return true
    try {
      await deployer.ask({ ask: 'delivered', reports: fates, requests: [] })
      deliveries.told(fates)
      return deliveries.fates().length === 0
    } catch (error) {
      log.warn(
        { reason: describeError(asWaxsealError(error)), wait: untoldMs },
        'the deployer does not know yet what was reported',
      )
      return false
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
  if (report.kind === 'renewed') return controlPlane.reportRenewed(report)
  const { kind: _, jobId, ...body } = report
  if ('status' in body) await controlPlane.reportStatus(jobId, body)
  else await controlPlane.reportVerification(jobId, body)
}
