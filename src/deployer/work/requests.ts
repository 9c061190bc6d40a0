import type { CertificateRequest } from '../../documents/ask.ts'
import type { IssuanceJob } from '../../documents/job.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import type { Reserve } from '../../host/file/write/reserve.ts'
import { inParallel } from '../in-parallel.ts'
import { insist } from './insist.ts'
import { endOf, type JobEnd } from './job-end.ts'
import type { JobStore } from './job-store.ts'
import { makeRequest, type RequestParts } from './make-request.ts'

const mostAtOnce = 4

/** The requests for certificates. They are made anew at each start, with the same keys, and offered until it is said what became of them. */
export class Requests {
  readonly #store: JobStore
  /** Asked each time: policy may be another one. */
  readonly #parts: () => RequestParts & { readonly reserve: Reserve }
  readonly #onChange: () => void
  readonly #offered = new Map<string, CertificateRequest>()
  /** By the ids of their jobs, why they were put off since all were last tried. */
  readonly #putOff = new Map<string, WaxsealError>()

  constructor(store: JobStore, parts: () => RequestParts & { readonly reserve: Reserve }, onChange: () => void) {
    this.#store = store
    this.#parts = parts
    this.#onChange = onChange
  }

  /** Oldest first. */
  list(): readonly CertificateRequest[] {
    return [...this.#offered.values()]
  }

  /** Whether the request of this job is made, and was not taken yet. */
  isOffered(jobId: string): boolean {
    return this.#offered.has(jobId)
  }

  /** Why this job was put off when it was last tried; null: it was not. */
  putOff(jobId: string): WaxsealError | null {
    return this.#putOff.get(jobId) ?? null
  }

  /** Makes those that are not made yet. Returns why the last was put off; null: none was. */
  async makeAll(signal: AbortSignal): Promise<WaxsealError | null> {
    this.#putOff.clear()
    let putOff: WaxsealError | null = null
    const jobs = this.#store.pending().flatMap(({ job }) => (job.kind === 'issuance' ? [job] : []))
    await inParallel(
      jobs.filter(({ id }) => !this.#offered.has(id)),
      mostAtOnce,
      async (job) => {
        if (!signal.aborted) putOff = (await this.#make(job)) ?? putOff
      },
    )
    return putOff
  }

  async #make(job: IssuanceJob): Promise<WaxsealError | null> {
    try {
      const request = await insist(this.#parts().reserve, () => makeRequest(job, this.#parts()))
      this.#offered.set(job.id, request)
      this.#onChange()
      return null
    } catch (error) {
      return this.#fail(job.id, error)
    }
  }

  /** `error`: null: the control plane took the request, and the job is done; else it refused it. */
  async deliver(jobId: string, error: WaxsealError | null): Promise<void> {
    if (!this.#offered.has(jobId)) return
    if (error !== null) {
      const putOff = await this.#fail(jobId, error)
      // Refused for now: it is still offered.
      if (putOff?.code === 'SPOOL_FULL') throw putOff
      return
    }
    // The job, should it come again before it is signed, finds its key.
    await this.#store.finish(jobId)
    this.#forget(jobId)
  }

  #forget(jobId: string): void {
    this.#offered.delete(jobId)
    this.#putOff.delete(jobId)
  }

  /** Returns why the job goes on; null: it failed for good. */
  async #fail(jobId: string, error: unknown): Promise<WaxsealError | null> {
    const putOff = await this.#end(jobId, endOf(jobId, error))
    if (putOff === null) this.#forget(jobId)
    else this.#putOff.set(jobId, putOff)
    return putOff
  }

  async #end(jobId: string, end: JobEnd): Promise<WaxsealError | null> {
    if (end instanceof WaxsealError) return end
    return this.#store.end(jobId, end).then(() => null, asWaxsealError)
  }
}
