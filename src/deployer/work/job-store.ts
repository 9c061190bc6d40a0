import type { Job } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import type { Reserve } from '../../host/file/write/reserve.ts'
import type { ClaimedJob, Inbox } from '../../inbox/inbox.ts'
import { limits } from '../../limit/limits.ts'
import type { AnswerBox } from '../../outbox/answer-box.ts'
import { oneAtATime, oneAtATimeEach } from '../../outbox/one-at-a-time.ts'
import { full, insist } from './insist.ts'
import { failed } from './job-end.ts'
import { reportsOf } from './reports-of.ts'

/** What the jobs are kept in, below the state directory. */
export interface JobFolders {
  readonly inbox: Inbox
  readonly answers: AnswerBox
  readonly certificates: ArrivedCertificates
  readonly reserve: Reserve
}

/** The certificate of a deployment that waits, by the id of its job: another job for the same one may want a newer version. */
export type ArrivedCertificates = DocumentFolder<{ readonly pem: string }>

/** JSON schema of a certificate that has arrived. */
export const arrivedSchema = { type: 'object', required: ['pem'], properties: { pem: { type: 'string' } } } as const

/** Opens the certificates that have arrived, below the state directory. */
export async function openArrivedCertificates(path: string): Promise<ArrivedCertificates> {
  return openDocumentFolder({ path, schema: arrivedSchema })
}

/** Jobs that were cancelled are remembered until whoever may be about to begin them has heard of it. */
const mostCancelled = 1000

const longestInbox = limits.jobsWaiting.most
const longestAnswers = limits.reportsWaiting.most

/** An answer names a job by an id of at most 1024 characters. */
const longestId = 1000

/** Jobs, what they wait for, and what came of them: each durable when the call returns, or SPOOL_FULL. */
export class JobStore {
  readonly #folders: JobFolders
  readonly #onChange: () => void
  readonly #inTurn = oneAtATime()
  /** By the id of a job: between its beginning and its being cancelled nothing comes. */
  readonly #deciding = oneAtATimeEach()
  /** The jobs that are not finished, oldest first. */
  readonly #pending: Map<string, ClaimedJob>
  /** The deployments whose certificate is here. */
  readonly #certified: Set<string>
  /** Cancelled since the start, as long as that is of use. */
  readonly #cancelled = new Set<string>()

  private constructor(
    folders: JobFolders,
    onChange: () => void,
    known: { readonly pending: readonly ClaimedJob[]; readonly certified: readonly string[] },
  ) {
    this.#folders = folders
    this.#onChange = onChange
    this.#pending = new Map(known.pending.map((claimed) => [claimed.job.id, claimed]))
    this.#certified = new Set(known.certified)
  }

  /** Reads what is there. No other process may write there. `onChange`: something is other than before. */
  static async open(folders: JobFolders, onChange: () => void): Promise<JobStore> {
    await finishEnded(folders)
    const pending = await folders.inbox.pending()
    const ids = new Set(pending.map(({ job }) => job.id))
    const certified: string[] = []
    for (const { id } of await folders.certificates.list()) {
      if (ids.has(id)) certified.push(id)
      // A crash came between the end of the job and this; what cannot be removed is left for the next start.
      else await folders.certificates.remove(id).catch(() => {})
    }
    return new JobStore(folders, onChange, { pending, certified })
  }

  /** How many of these are new here. SPOOL_FULL: not all of them are durable, and the same may be asked again. */
  async take(jobs: readonly Job[]): Promise<number> {
    for (const { id, certificateId } of jobs)
      if (id.length > longestId || certificateId.length > longestId)
        throw new WaxsealError('JOB_MALFORMED', { reason: `an id is longer than ${longestId} characters` })
    let fresh = 0
    try {
      await this.#inTurn(async () => {
        const reason = jobs.some(({ id }) => !this.#pending.has(id)) ? await this.full() : null
        if (reason !== null) throw full(reason)
        for (const job of jobs) if (await this.#accept(job)) fresh += 1
      })
    } finally {
      if (fresh > 0) this.#onChange()
    }
    return fresh
  }

  async #accept(job: Job): Promise<boolean> {
    if (this.#pending.has(job.id)) return false
    const crowd = this.#crowd()
    if (crowd !== null) throw full(crowd)
    try {
      if ((await insist(this.#folders.reserve, () => this.#folders.inbox.accept(job))) === 'known') return false
    } catch (error) {
      if (error instanceof WaxsealError) throw error
      await this.report([failed(job.id, new WaxsealError('JOB_MALFORMED', { reason: (error as Error).message }))])
      return false
    }
    this.#pending.set(job.id, { job, tries: 0, finishedAt: null })
    return true
  }

  /** Why no new work may be taken: too much is waiting, or the disk has no room for it; null: there is room. */
  async full(): Promise<string | null> {
    const { answers, reserve } = this.#folders
    const reports = answers.depth()
    const crowd = this.#crowd()
    if (crowd !== null) return crowd
    if (reports >= longestAnswers) return `${reports} results are waiting`
    return reserve.ensure().then(
      () => null,
      (error: Error) => error.message,
    )
  }

  #crowd(): string | null {
    return this.#pending.size >= longestInbox ? `${this.#pending.size} jobs are waiting` : null
  }

  /** The jobs that are not finished, oldest first. */
  pending(): readonly ClaimedJob[] {
    return [...this.#pending.values()]
  }

  /** Whether the certificate of this deployment is here. */
  isCertified(jobId: string): boolean {
    return this.#certified.has(jobId)
  }

  /** Ids of the certificates that deployments wait for. */
  wanted(): readonly string[] {
    return [...new Set(this.#waiting().map(({ job }) => job.certificateId))]
  }

  #waiting(certificateId?: string): readonly ClaimedJob[] {
    return this.pending().filter(
      ({ job }) =>
        job.kind === 'deployment' &&
        !this.#certified.has(job.id) &&
        (certificateId === undefined || job.certificateId === certificateId),
    )
  }

  /** For every deployment that waits for this certificate now. One that is too large for any chain fails them. */
  async certify(certificateId: string, pem: string): Promise<void> {
    const { certificates, reserve } = this.#folders
    if (pem.length > limits.certificatePem.most)
      return this.withhold(certificateId, new WaxsealError('MATERIAL_INVALID', { reason: 'the chain is too long' }))
    return this.#inTurn(async () => {
      for (const { job } of this.#waiting(certificateId)) {
        await insist(reserve, () => certificates.put(job.id, { pem }))
        this.#certified.add(job.id)
      }
      this.#onChange()
    })
  }

  /** The deployments that wait for this certificate fail. */
  async withhold(certificateId: string, error: WaxsealError): Promise<void> {
    await this.#inTurn(async () => {
      for (const { job } of this.#waiting(certificateId)) await this.end(job.id, [failed(job.id, error)])
    })
  }

  /** The PEM that came for this job; null: none did. */
  async certificateOf(jobId: string): Promise<string | null> {
    return (await this.#folders.certificates.get(jobId))?.pem ?? null
  }

  /** A job that was cancelled has its last word. */
  async report(reports: readonly Report[]): Promise<void> {
    const { answers, reserve } = this.#folders
    for (const report of reports)
      if (!this.#cancelled.has(report.jobId)) await insist(reserve, () => answers.put(report))
    this.#onChange()
  }

  /** Ids of the jobs that nothing was begun for, oldest first; a request for a certificate is none that others could have. */
  unbegun(): readonly string[] {
    return this.pending().flatMap((claimed) => (isUnbegun(claimed) ? [claimed.job.id] : []))
  }

  /** Ends those of these jobs that were not begun: they will not be. The others go on to their end, and tell it. */
  async cancel(jobIds: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      for (const id of jobIds) await this.#deciding(id, () => this.#cancelOne(id))
      for (const oldest of [...this.#cancelled].slice(0, -mostCancelled)) this.#cancelled.delete(oldest)
    })
  }

  async #cancelOne(id: string): Promise<void> {
    const claimed = this.#pending.get(id)
    if (claimed === undefined || !isUnbegun(claimed)) return
    await this.report([{ kind: 'status', jobId: id, status: 'Cancelled' }])
    this.#cancelled.add(id)
    await this.finish(id)
  }

  isCancelled(jobId: string): boolean {
    return this.#cancelled.has(jobId)
  }

  /** Counts a try, before it begins, and reports it. JOB_CANCELLED: it was cancelled before; between the two nothing comes. */
  async begin(jobId: string, reports: readonly Report[] = []): Promise<void> {
    await this.#deciding(jobId, async () => {
      if (this.#cancelled.has(jobId)) throw new WaxsealError('JOB_CANCELLED')
      await this.report(reports)
      await insist(this.#folders.reserve, () => this.#folders.inbox.begin(jobId))
      const claimed = this.#pending.get(jobId)
      if (claimed !== undefined) this.#pending.set(jobId, { ...claimed, tries: claimed.tries + 1 })
    })
  }

  /** It was put off before anything was touched: that was no try. */
  async putBack(jobId: string): Promise<void> {
    await this.#folders.inbox.putBack(jobId)
    const claimed = this.#pending.get(jobId)
    if (claimed !== undefined) this.#pending.set(jobId, { ...claimed, tries: Math.max(0, claimed.tries - 1) })
  }

  /** The job is done: it is remembered, and its certificate goes. */
  async finish(jobId: string): Promise<void> {
    await insist(this.#folders.reserve, () => this.#folders.inbox.finish(jobId))
    this.#pending.delete(jobId)
    this.#onChange()
    // What cannot be removed goes at the next start.
    if (this.#certified.delete(jobId)) await this.#folders.certificates.remove(jobId).catch(() => {})
  }

  /** Its results are durable before the job is done (law 8). */
  async end(jobId: string, reports: readonly Report[]): Promise<void> {
    await this.report(reports)
    await this.finish(jobId)
  }
}

function isUnbegun({ job, tries }: ClaimedJob): boolean {
  return tries === 0 && job.kind !== 'issuance'
}

/** A crash came between the result of a job and its end: it is not done again. What its outcome says of the ports is told, too. */
async function finishEnded({ inbox, answers }: JobFolders): Promise<void> {
  const pending = new Map((await inbox.pending()).map(({ job }) => [job.id, job]))
  for (const { report } of answers.list()) {
    const job = pending.get(report.jobId)
    if (job === undefined || report.kind !== 'status' || report.status === 'Running') continue
    const isDeployment = job.kind === 'deployment' || job.kind === 'take-back'
    const reports = isDeployment && report.outcome !== undefined ? reportsOf(job, report.outcome) : []
    const verifications = reports instanceof WaxsealError ? [] : reports.filter(({ kind }) => kind === 'verification')
    for (const one of verifications) await answers.put(one)
    await inbox.finish(job.id)
  }
}
