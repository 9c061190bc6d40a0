import { createHash } from 'node:crypto'
import { schedule, type TaskOptions } from 'node-cron'
import type { Logger } from 'pino'
import type { ControlPlane, TargetDrift } from '../control-plane/open-control-plane.ts'
import type { Engine } from '../deployer/engine.ts'
import { type Inspection, inspect } from '../deployer/inspect.ts'
import { describeError, type WaxsealError } from '../error/waxseal-error.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { lifetimeOf, renewalAdvice } from '../outcome/lifetime.ts'

/** What the watch needs. */
export interface DriftParts {
  readonly engine: Engine
  readonly controlPlane: Pick<ControlPlane, 'reportDrift'>
  readonly log: Logger
  /** Told the newest inspections, one per target. */
  readonly onInspected: (inspections: readonly Inspection[]) => void
  readonly signal: AbortSignal
}

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
    const { engine, onInspected, signal, log } = this.#parts
    try {
      let records: readonly DeploymentRecord[] = []
      const inspections = await engine.turns.take(async () => {
        records = (await engine.records.list()).map(({ document }) => document)
        return Promise.all(records.map((record) => inspect(record, engine, { withCheck: false, signal })))
      })
      if (signal.aborted) return
      onInspected(inspections)
      const changed = inspections.filter((inspection) => this.#isNews(inspection))
      for (const { target, targetName: name, valid, reasons, daysLeft } of changed)
        log[valid ? 'info' : 'warn']({ target, name, reasons, daysLeft }, valid ? 'drift mended' : 'drift')
      await this.#tellRenewals(records)
      await this.#report([...inspections, ...this.#forgotten(inspections)])
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'the drift watch could not look')
    }
  }

  /** Once for each stage of the life of a certificate: nobody renews by himself. */
  async #tellRenewals(records: readonly DeploymentRecord[]): Promise<void> {
    const { engine, log } = this.#parts
    const last = await engine.history.lastPerTarget()
    for (const { target, targetName: name, certificate } of records) {
      const { stage, daysLeft } = lifetimeOf(certificate, engine.clock.now())
      const isNews = this.#stages.get(target) !== stage
      this.#stages.set(target, stage)
      const reason = renewalAdvice(certificate, engine.clock.now(), last.get(target)?.job !== undefined)
      if (isNews && reason !== null) log.warn({ target, name, daysLeft, reason }, `renewal ${stage}`)
    }
  }

  #isNews({ target, reasons }: Inspection): boolean {
    const now = JSON.stringify(reasons)
    const before = this.#known.get(target) ?? '[]'
    this.#known.set(target, now)
    return now !== before
  }

  /** What the control plane was told of and is inspected no more: `waxseal forget` was asked. */
  #forgotten(inspections: readonly Inspection[]): readonly TargetDrift[] {
    const inspected = new Set(inspections.map(({ target }) => target))
    for (const target of this.#known.keys()) if (!inspected.has(target)) this.#known.delete(target)
    const at = new Date(this.#parts.engine.clock.now()).toISOString()
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
