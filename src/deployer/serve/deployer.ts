import type { Answers, AnswerTo, Ask, TargetLook } from '../../documents/ask.ts'
import type { Report } from '../../documents/report.ts'
import type { Look } from '../../documents/shown-host.ts'
import { textWithout } from '../../documents/without-output.ts'
import { errorTold } from '../../error/told-error.ts'
import type { AnswerBox } from '../../outbox/answer-box.ts'
import type { Discoverer } from '../discover/discoverer.ts'
import type { Engine } from '../engine.ts'
import { inspect } from '../inspect.ts'
import { lookAtDane, shownDane } from '../look-at-dane.ts'
import type { OwnRenewals } from '../own/own-renewals.ts'
import type { JobStore } from '../work/job-store.ts'
import type { Requests } from '../work/requests.ts'
import type { Worker } from '../work/worker.ts'
import type { Changes } from './changes.ts'
import type { CourierMemory } from './courier-memory.ts'
import { fitting } from './fitting.ts'

/** What answering needs. */
export interface DeployerParts {
  readonly engine: Engine
  readonly store: JobStore
  readonly answers: AnswerBox
  readonly requests: Requests
  readonly worker: Pick<Worker, 'ask' | 'isBusy'>
  readonly changes: Changes
  readonly memory: CourierMemory
  readonly discoverer: Discoverer
  readonly own: OwnRenewals
  /** What a look at every target found. */
  readonly onLooks: (looks: readonly Look[]) => void
  /** Aborts when no further connection is served: nothing waits any more. */
  readonly closing: AbortSignal
}

/** A page has at most this many bytes of reports, and as many of requests, and of ids. */
const pageBytes = 1024 * 1024
const longestList = 1000
const longestReason = 4096

/** Answers what the courier asks for. */
export class Deployer {
  readonly #parts: DeployerParts
  #looking: Promise<readonly Look[]> | null = null

  constructor(parts: DeployerParts) {
    this.#parts = parts
  }

  /** `gone` aborts when nobody waits for the answer any more. Rejects with a coded error. */
  async answer(ask: Ask, gone: AbortSignal): Promise<AnswerTo[Ask['ask']]> {
    const { store, worker } = this.#parts
    switch (ask.ask) {
      case 'take':
        return { fresh: await store.take(ask.jobs), full: await store.full() }
      case 'certificate':
        await store.certify(ask.certificateId, ask.pem)
        return {}
      case 'withheld':
        await store.withhold(ask.certificateId, errorTold(ask.error, 'CONTROL_PLANE_REFUSED'))
        return {}
      case 'work':
        worker.ask()
        return {}
      case 'answers':
        return this.#answers(ask, gone)
      case 'delivered':
        await this.#delivered(ask)
        return {}
      case 'cancel':
        await store.cancel(ask.jobIds)
        return {}
      case 'unbegun':
        return { jobIds: fitting(store.unbegun(), pageBytes, longestList) }
      case 'introduce':
        return this.#parts.memory.introduce()
      case 'keep':
        await this.#parts.memory.keep(ask.membership)
        return {}
      case 'matters':
        return { ledger: await this.#parts.memory.matters(ask.ledger) }
      case 'discover':
        return this.#parts.discoverer.discover(ask.listener)
      case 'told':
        await this.#parts.discoverer.note(ask.listener, ask.certificates, ask.gone)
        return {}
      case 'renewals':
      case 'sign':
      case 'challenge':
      case 'csr':
      case 'renewed':
        return this.#parts.own.answer(ask)
      default:
        return { looks: fitting((await this.#look()).map(toldOf), 3 * pageBytes, 100_000) }
    }
  }

  async #answers({ seen, after, waitMs }: Ask & { ask: 'answers' }, gone: AbortSignal): Promise<Answers> {
    const { changes, worker, answers, requests, store, closing } = this.#parts
    if (seen === changes.stamp && worker.isBusy) await changes.next(waitMs, AbortSignal.any([gone, closing]))
    const { stamp } = changes
    const { isBusy } = worker
    // The end of a job is told when the job is done: else a crash would have it done again after its end.
    const undone = new Set(store.pending().map(({ job }) => job.id))
    const all = answers.list().filter(({ report }) => isRunning(report) || !undone.has(report.jobId))
    const rest = all.slice(all.findIndex(({ id }) => id === after) + 1)
    const reports = fitting(rest, pageBytes, longestList)
    return {
      stamp,
      isBusy,
      pending: store.pending().length,
      reports,
      next: reports.length < rest.length ? (reports.at(-1)?.id ?? null) : null,
      requests: fitting(requests.list(), pageBytes, longestList),
      wanted: fitting(store.wanted(), pageBytes, longestList),
    }
  }

  async #delivered({ reports, requests: answered }: Ask & { ask: 'delivered' }): Promise<void> {
    const { answers, requests, changes } = this.#parts
    await answers.deliver(reports)
    for (const { jobId, error } of answered)
      await requests.deliver(jobId, error === null ? null : errorTold(error, 'CONTROL_PLANE_REFUSED'))
    changes.note()
  }

  /** Who asks while others look gets what they see. */
  #look(): Promise<readonly Look[]> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #lookAtAll(): Promise<readonly Look[]> {
    const { engine, onLooks, closing } = this.#parts
    const { records, looks } = await engine.turns.take(async () => {
      const known = (await engine.records.list()).map(({ document }) => document)
      const inspecting = known.map((record) => inspect(record, engine, { withCheck: false, signal: closing }))
      return { records: known, looks: await Promise.all(inspecting) }
    })
    // The DNS may take its time: that holds up no deployment.
    const dane = await lookAtDane(engine, records)
    const found = looks.map(({ target, at, reasons, probes, files }) => ({
      target,
      at,
      reasons,
      probes,
      files,
      dane: dane.filter(({ record }) => record.target === target).map(shownDane),
    }))
    if (!closing.aborted) onLooks(found)
    return found
  }
}

function toldOf({ target, at, reasons }: Look): TargetLook {
  return {
    target,
    at,
    reasons: reasons.slice(0, longestList).map((reason) => textWithout(reason).slice(0, longestReason)),
  }
}

function isRunning(report: Report): boolean {
  return report.kind === 'status' && report.status === 'Running'
}
