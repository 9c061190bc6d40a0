import { createHash } from 'node:crypto'
import { schedule, type TaskOptions } from 'node-cron'
import type { Logger } from 'pino'
import type { TargetDrift } from '../control-plane/discovery-calls.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { TargetLook } from '../documents/ask.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import { describeError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import { lifetimeOf, renewalAdvice } from '../outcome/lifetime.ts'
import type { Deployer } from './deployer.ts'

/** What the watch needs. */
export interface DriftParts {
  readonly deployer: Deployer
  readonly readShown: () => Promise<ShownHost | null>
  readonly controlPlane: Pick<ControlPlane, 'reportDrift'>
  /** Asks for what the deployer has to tell: root's own commands leave it there. */
  readonly collect: () => Promise<void>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
  readonly signal: AbortSignal
}

/** A look at every target waits for a deployment that is under way, in milliseconds. */
const lookMs = 10 * 60_000

/** The minute of the hour that is this host's own, so that many hosts do not look at the same moment. */
export function hourlyFor(hostname: string): string {
  return `${createHash('sha256').update(hostname).digest().readUInt16BE(0) % 60} * * * *`
}

/** A look whose time passed while the host slept, or the process was busy, is made late, and not left out until the next. */
const latestMs = 24 * 3_600_000

/** What node-cron says goes where all goes: by itself it writes on the terminal. */
function loggerOf(log: Logger): NonNullable<TaskOptions['logger']> {
  const note = (message: string | Error): void =>
    log.debug({ reason: message instanceof Error ? message.message : message }, 'the schedule of the drift watch')
  return { info: note, warn: note, error: note, debug: note }
}

/** Looks at every target by the cron expression until the signal aborts: a look never overlaps another, or a deployment. */
export function watchDrift(expression: string, parts: DriftParts): void {
  const look = new DriftWatch(parts)
  const task = schedule(expression, () => look.once(), {
    noOverlap: true,
    missedExecutionTolerance: latestMs,
    suppressMissedWarning: true,
    logger: loggerOf(parts.log),
  })
  parts.signal.addEventListener('abort', () => void task.destroy(), { once: true })
}

/** Compares what is with what was deployed, and tells each change once. */
class DriftWatch {
  readonly #parts: DriftParts
  readonly #known = new Map<string, string>()
  /** How far the certificate of a target was in its life at the last look. */
  readonly #stages = new Map<string, string>()
  /** What the control plane was told last, by target. */
  readonly #told = new Map<string, string>()

  constructor(parts: DriftParts) {
    this.#parts = parts
  }

  /** One look at every target. */
  async once(): Promise<void> {
    const { deployer, readShown, signal, log } = this.#parts
    try {
      const { looks } = await deployer.ask({ ask: 'inspect' }, lookMs)
      if (signal.aborted) return
      await this.#parts.collect()
      const shown = await readShown()
      const recordOf = new Map(shown?.records.map((record) => [record.target, record]))
      for (const { target, reasons } of looks.filter((look) => this.#isNews(look))) {
        const record = recordOf.get(target)
        const name = record?.targetName
        const daysLeft = record === undefined ? null : lifetimeOf(record.certificate, this.#parts.clock.now()).daysLeft
        const isMended = reasons.length === 0
        log[isMended ? 'info' : 'warn']({ target, name, reasons, daysLeft }, isMended ? 'drift mended' : 'drift')
      }
      if (shown !== null) this.#tellRenewals(shown)
      await this.#report([...looks, ...this.#forgotten(looks)])
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'the drift watch could not look')
    }
  }

  /** Once for each stage of the life of a certificate: nobody renews by himself. */
  #tellRenewals({ records, last }: ShownHost): void {
    const { clock, log } = this.#parts
    const byJob = new Set(last.filter(({ job }) => job !== undefined).map(({ target }) => target))
    for (const { target, targetName: name, certificate } of records) {
      const { stage, daysLeft } = lifetimeOf(certificate, clock.now())
      const isNews = this.#stages.get(target) !== stage
      this.#stages.set(target, stage)
      const reason = renewalAdvice(certificate, clock.now(), byJob.has(target))
      if (isNews && reason !== null) log.warn({ target, name, daysLeft, reason }, `renewal ${stage}`)
    }
  }

  #isNews({ target, reasons }: TargetLook): boolean {
    const now = JSON.stringify(reasons)
    const before = this.#known.get(target) ?? '[]'
    this.#known.set(target, now)
    return now !== before
  }

  /** What the control plane was told of and is inspected no more: `waxseal forget` was asked. */
  #forgotten(looks: readonly TargetLook[]): readonly TargetDrift[] {
    const inspected = new Set(looks.map(({ target }) => target))
    for (const target of this.#known.keys()) if (!inspected.has(target)) this.#known.delete(target)
    const at = new Date(this.#parts.clock.now()).toISOString()
    return [...this.#told.keys()]
      .filter((target) => !inspected.has(target))
      .map((target) => ({ target, at, reasons: [] }))
  }

  /** The protocol has no call for drift: a server may take it as a finding, and need not. What could not be sent is sent again. */
  async #report(looks: readonly TargetDrift[]): Promise<void> {
    const news = looks.filter(({ target, reasons }) => this.#told.get(target) !== JSON.stringify(reasons))
    const isDone = await this.#parts.controlPlane.reportDrift(news).catch((error: WaxsealError) => {
      this.#parts.log.info({ reason: describeError(error) }, 'the control plane takes no findings')
      return error.code === 'CONTROL_PLANE_REFUSED'
    })
    if (isDone) for (const { target, reasons } of news) this.#told.set(target, JSON.stringify(reasons))
  }
}
