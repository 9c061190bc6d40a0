import { createHash } from 'node:crypto'
import type { Deployer } from '../../../src/courier/deployer.ts'
import type { AnswerTo, Ask, CertificateRequest, Undelivered } from '../../../src/documents/ask.ts'
import type { Job } from '../../../src/documents/job.ts'
import { noMembership } from '../../../src/documents/membership.ts'
import type { Report } from '../../../src/documents/report.ts'
import { createCertificateRequest } from '../../../src/material/certificate-request.ts'

/** What the host of a deployer came to do. */
export interface PlayedCounts {
  /** Deployments that were done. */
  done: number
  /** Those of them that were done already: none may be. */
  twice: number
  /** CSRs that the control plane took. */
  csrs: number
}

const leaf = 'a'.repeat(64)

/**
 * Does at once, in memory, what a deployer does on a host: a job is known when it comes again, a deployment is done when its certificate
 * is there, a report stays until it was delivered.
 */
export class PlayedDeployer implements Deployer {
  readonly #keyPem: string
  readonly #counts: PlayedCounts
  readonly #open = new Map<string, Job>()
  readonly #known = new Set<string>()
  readonly #done = new Set<string>()
  readonly #reports = new Map<string, Undelivered>()
  readonly #requests = new Map<string, CertificateRequest>()
  #changes = 0

  constructor(keyPem: string, counts: PlayedCounts) {
    this.#keyPem = keyPem
    this.#counts = counts
  }

  async ask<Word extends Ask['ask']>(ask: Extract<Ask, { readonly ask: Word }>): Promise<AnswerTo[Word]> {
    return (await this.#answer(ask)) as AnswerTo[Word]
  }

  async #answer(ask: Ask): Promise<AnswerTo[Ask['ask']]> {
    switch (ask.ask) {
      case 'introduce':
        return { starts: 1, membership: noMembership }
      case 'take':
        return { fresh: await this.#take(ask.jobs), full: null }
      case 'certificate':
        this.#certify(ask.certificateId)
        return {}
      case 'delivered':
        this.#delivered(ask)
        return {}
      case 'answers':
        return {
          stamp: `${this.#changes}`,
          isBusy: false,
          pending: this.#open.size,
          reports: [...this.#reports.values()],
          next: null,
          requests: [...this.#requests.values()],
          wanted: [...this.#open.values()].flatMap((job) => (job.kind === 'deployment' ? [job.certificateId] : [])),
        }
      case 'unbegun':
        return { jobIds: [] }
      case 'discover':
        return { folders: [], certificates: [], isMore: false, gone: [], errors: [], ms: 0 }
      default:
        return {}
    }
  }

  async #take(jobs: readonly Job[]): Promise<number> {
    const fresh = jobs.filter(({ id }) => !this.#known.has(id))
    for (const job of fresh) {
      this.#known.add(job.id)
      if (job.kind === 'deployment' || job.kind === 'issuance') this.#open.set(job.id, job)
      if (job.kind !== 'issuance') continue
      const { id: jobId, certificateId, commonName, sans } = job
      const csrPem = await createCertificateRequest({ commonName, sans, keyPem: this.#keyPem })
      this.#requests.set(jobId, { jobId, certificateId, csrPem, nextSpki: null })
    }
    this.#changes += 1
    return fresh.length
  }

  #certify(certificateId: string): void {
    for (const job of this.#open.values()) {
      if (job.kind !== 'deployment' || job.certificateId !== certificateId) continue
      this.#open.delete(job.id)
      this.#counts.done += 1
      if (this.#done.has(job.id)) this.#counts.twice += 1
      this.#done.add(job.id)
      const { id: jobId, targetId } = job
      this.#report({ kind: 'status', jobId, status: 'Running' })
      this.#report({ kind: 'status', jobId, status: 'Completed' })
      this.#report({ kind: 'verification', jobId, targetId, expected: leaf, actual: leaf, verified: true })
    }
    this.#changes += 1
  }

  #report(report: Report): void {
    const id = `${report.jobId}/${report.kind === 'status' ? report.status : report.kind}`
    const digest = createHash('sha256').update(id).digest('hex')
    this.#reports.set(id, { id, digest, since: Date.now(), refusal: null, report })
  }

  #delivered({ reports, requests }: Extract<Ask, { readonly ask: 'delivered' }>): void {
    for (const { id } of reports) this.#reports.delete(id)
    for (const { jobId, error } of requests) {
      this.#requests.delete(jobId)
      this.#open.delete(jobId)
      if (error === null) this.#counts.csrs += 1
    }
    this.#changes += 1
  }
}
