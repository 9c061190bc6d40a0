import type { Logger } from 'pino'
import type { DeploymentJob, Job } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import type { WaitingJob } from '../../documents/shown-host.ts'
import { describeError, WaxsealError } from '../../error/waxseal-error.ts'
import { type Clock, pause } from '../../host/clock.ts'
import type { KeyStore } from '../../material/key-store.ts'
import type { ChallengeAnswers } from '../challenge/challenge-answers.ts'
import type { Engine } from '../engine.ts'
import type { ObtainedCertificates } from '../own/obtained.ts'
import { Coalesced } from './coalesced.ts'
import type { JobStore } from './job-store.ts'
import type { Requests } from './requests.ts'
import type { Certificates, Workshop } from './run-job.ts'
import { waitingJobs } from './waiting-jobs.ts'
import { maxTries, type Work, workThrough } from './work-through.ts'

/** What doing the jobs needs. */
export interface WorkerParts {
  readonly engine: Engine
  readonly store: JobStore
  readonly requests: Requests
  readonly keys: Pick<KeyStore, 'find'>
  readonly challenges: ChallengeAnswers
  readonly obtained: Pick<ObtainedCertificates, 'list'>
  readonly clock: Clock
  readonly log: Logger
  /** Whenever it is asked, and before each batch: policy may be another one by now. */
  readonly onBatch: () => Promise<void>
  readonly onChange: () => void
  /** `work` is heard of again within 15 minutes; `rest`: nothing is expected. */
  readonly onProgress: (sign: 'work' | 'rest') => void
  /** Aborts when the process is to end: what has begun ends, nothing else begins. */
  readonly stop: AbortSignal
}

const firstWaitMs = 1000
const longestWaitMs = 5 * 60_000

/** Does what is due, until nothing is; what was put off is tried again by itself. */
export class Worker {
  readonly #parts: WorkerParts
  readonly #work: Work
  readonly #jobs: Coalesced
  readonly #requesting: Coalesced
  #currentJobs: readonly string[] = []
  /** What people call the targets of the jobs. */
  readonly #names = new Map<string, string>()
  #rung = new AbortController()
  /** Those that wait for another try, and when that is: milliseconds since 1970. */
  readonly #waiting = new Map<Coalesced, number>()
  /** The jobs that were put off since all were last tried, by their ids. */
  readonly #putOff = new Map<string, WaxsealError>()

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#work = this.#workOf()
    this.#jobs = new Coalesced(() =>
      this.#untilDone(this.#jobs, async () => {
        // Where nothing is due, too: people see what the configuration of now says.
        await parts.onBatch()
        await parts.challenges.tidy()
        this.#putOff.clear()
        return (await workThrough(this.#work, this.#isDue)).putOff
      }),
    )
    this.#requesting = new Coalesced(() =>
      this.#untilDone(this.#requesting, async () => {
        await parts.onBatch()
        return parts.requests.makeAll(parts.stop)
      }),
    )
  }

  /** Whether something is being done at this moment. */
  get isBusy(): boolean {
    return [this.#jobs, this.#requesting].some((loop) => loop.isUnderWay && !this.#waiting.has(loop))
  }

  /** Whether something is being done, or will be tried again by itself. */
  get isUnderWay(): boolean {
    return this.#jobs.isUnderWay || this.#requesting.isUnderWay
  }

  /** What is under way, as people call its targets; a job without one by its id. */
  get currentJobs(): readonly string[] {
    return [...new Set(this.#currentJobs.map((job) => this.#names.get(job) ?? job))]
  }

  /** What is neither done nor being done, the oldest first, and what each waits for. */
  get waiting(): readonly WaitingJob[] {
    const { store, requests } = this.#parts
    return waitingJobs(store.pending(), {
      running: this.#currentJobs,
      isCertified: (jobId) => store.isCertified(jobId),
      isOffered: (jobId) => requests.isOffered(jobId),
      putOff: (jobId) => this.#putOff.get(jobId) ?? requests.putOff(jobId),
      nextTry: (kind) => this.#waiting.get(kind === 'issuance' ? this.#requesting : this.#jobs) ?? null,
    })
  }

  /** Begins what is due; while that is under way, once more afterwards. */
  ask(): void {
    if (this.#parts.stop.aborted) return
    this.#rung.abort()
    this.#rung = new AbortController()
    this.#requesting.ask()
    this.#jobs.ask()
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await Promise.all([this.#jobs.ended(), this.#requesting.ended()])
  }

  async #untilDone(loop: Coalesced, work: () => Promise<WaxsealError | null>): Promise<void> {
    const { clock, stop, onChange, onProgress } = this.#parts
    for (let failures = 0; !stop.aborted; failures += 1) {
      onProgress('work')
      const putOff = await work().catch((error: WaxsealError) => error)
      onProgress('rest')
      if (putOff === null) break
      const wait = Math.min(firstWaitMs * 2 ** failures, longestWaitMs)
      this.#waiting.set(loop, clock.now() + wait)
      setImmediate(onChange)
      await pause(clock, wait, AbortSignal.any([stop, this.#rung.signal]))
      this.#waiting.delete(loop)
    }
    // Whoever waits for the end of the work sees that it is over.
    setImmediate(onChange)
  }

  readonly #isDue = (job: Job): boolean => {
    const { store } = this.#parts
    if (job.kind === 'issuance') return false
    if ('targetId' in job) this.#names.set(job.id, ('targetName' in job ? job.targetName : undefined) ?? job.targetId)
    if (job.kind !== 'deployment' || store.isCertified(job.id)) return true
    return store.pending().some((claimed) => claimed.job.id === job.id && claimed.tries >= maxTries)
  }

  #workOf(): Work {
    const { store, log, stop, onBatch, onChange, onProgress } = this.#parts
    return {
      inbox: store,
      report: (reports) => this.#report(reports),
      workshop: this.#workshop(),
      onBatch,
      onJobs: (jobIds) => {
        for (const job of this.#currentJobs) log.info({ job, name: this.#names.get(job) }, 'job ends')
        for (const job of jobIds) log.info({ job, name: this.#names.get(job) }, 'job begins')
        if (jobIds.length === 0) for (const job of this.#currentJobs) this.#names.delete(job)
        this.#currentJobs = jobIds
        onProgress('work')
        onChange()
      },
      onPutOff: (job, error) => {
        this.#putOff.set(job, error)
        log.warn({ job, code: error.code, reason: describeError(error) }, 'job put off')
      },
      signal: stop,
      unsaved: new Map(),
    }
  }

  #workshop(): Workshop {
    const { engine, store, keys, challenges, obtained, log, onProgress } = this.#parts
    return {
      engine,
      keys,
      challenges,
      obtained,
      certificatesOf: (jobs) => this.#certificatesOf(jobs),
      onBegin: async (jobId) => {
        this.#requireInTime(jobId)
        // One of its own the control plane does not know.
        const isOwn = store.pending().some(({ job }) => job.id === jobId && job.kind === 'own-renewal')
        await store.begin(jobId, isOwn ? [] : [{ kind: 'status', jobId, status: 'Running' }])
      },
      onStep: (job, { name: step, ms }) => {
        onProgress('work')
        log.info({ job, name: this.#names.get(job), step, ms }, 'step')
      },
    }
  }

  /** One that was begun before goes on: what a crash cut off is brought to its end. */
  #requireInTime(jobId: string): void {
    const { store, clock } = this.#parts
    const claimed = store.pending().find(({ job }) => job.id === jobId)
    if (claimed === undefined || claimed.tries > 0 || !('deadline' in claimed.job)) return
    const { deadline = Number.POSITIVE_INFINITY } = claimed.job
    if (clock.now() <= deadline) return
    throw new WaxsealError('JOB_EXPIRED', { deadline: new Date(deadline).toISOString() })
  }

  async #certificatesOf(jobs: readonly DeploymentJob[]): Promise<Certificates> {
    const found = new Map<string, string | Error>()
    for (const { id } of jobs) {
      const pem = await this.#parts.store.certificateOf(id).catch((error: Error) => error)
      found.set(id, pem ?? new Error('its certificate is gone'))
    }
    return found
  }

  async #report(reports: readonly Report[]): Promise<void> {
    const { store, log } = this.#parts
    for (const report of reports)
      if (store.isCancelled(report.jobId)) log.info({ job: report.jobId }, 'job cancelled before it began')
      else if (report.kind === 'status' && report.status === 'Failed' && report.outcome === undefined)
        log.error({ job: report.jobId, reason: report.error }, 'job failed')
    await store.report(reports)
  }
}
