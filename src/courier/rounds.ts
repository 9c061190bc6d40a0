import type { Logger } from 'pino'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { Answers, CertificateRequest, ToldError, Undelivered } from '../documents/ask.ts'
import type { Job } from '../documents/job.ts'
import { asWaxsealError, describeError, WaxsealError } from '../error/waxseal-error.ts'
import type { Deployer } from './deployer.ts'

/** What the rounds between control plane and deployer need. */
export interface RoundParts {
  readonly deployer: Deployer
  readonly controlPlane: Pick<ControlPlane, 'certificate' | 'submitCsr'>
  /** Told of each page of undelivered reports. */
  readonly onReports: (reports: readonly Undelivered[]) => void
  readonly log: Pick<Logger, 'warn'>
  readonly signal: AbortSignal
}

/** What a part of a round came to: how much was done, and the error of the last that was put off. */
export interface Done {
  readonly done: number
  readonly putOff: WaxsealError | null
}

/** Calls of the control plane side by side: a server may sign within each. */
const mostCalls = 8

/** The most bytes of jobs in one document. */
const mostBytes = 1024 * 1024

/** One answer of a deployer at work is waited for this long. */
const followMs = 20_000

/**
 * Carries what the control plane has to the deployer, and back. Nothing is kept here that would be lost with this process, but
 * jobs that the deployer could not take.
 */
export class Rounds {
  readonly #parts: RoundParts
  #untaken: readonly Job[] = []
  /** Why the deployer takes no further job; null: it does. */
  #full: string | null = null
  /** The deployer is known to have nothing to do and nothing to ask for. Not so at the start. */
  #isSettled = false
  /** Ids of certificates that the control plane signs in the background. */
  readonly #accepted: string[] = []

  constructor(parts: RoundParts) {
    this.#parts = parts
  }

  /** Whether the deployer has nothing to do and nothing to ask for. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Something has ended outside of a round: its reports go out now, and the next round asks the deployer. */
  async collect(): Promise<void> {
    this.#isSettled = false
    await this.#answers()
  }

  /** Ids of the certificates that the control plane signs in the background, of the requests that were sent since this was last asked. */
  takeAccepted(): readonly string[] {
    return this.#accepted.splice(0)
  }

  /** Before the next poll: hands over what could not be. SPOOL_FULL, DEPLOYER_UNREACHABLE: nothing more may be claimed. */
  async catchUp(): Promise<void> {
    if (this.#untaken.length === 0 && this.#full === null) return
    const jobs = this.#untaken
    this.#untaken = []
    await this.#take(jobs)
    if (this.#untaken.length > 0 || this.#full !== null)
      throw new WaxsealError('SPOOL_FULL', {
        reason: this.#full ?? `${this.#untaken.length} jobs could not be handed over`,
      })
  }

  /** Hands jobs over. Returns how many are new; those that could not be taken are kept for `catchUp`. */
  async accept(jobs: readonly Job[]): Promise<number> {
    if (jobs.length === 0) return 0
    this.#isSettled = false
    return this.#take(jobs).catch((error: unknown) => {
      const coded = asWaxsealError(error)
      this.#parts.log.warn(
        { code: coded.code, reason: describeError(coded), jobs: jobs.length },
        'jobs not handed over yet',
      )
      return 0
    })
  }

  /** Has the requests for certificates made, and sends them. */
  async request(): Promise<Done> {
    if (this.#isSettled) return { done: 0, putOff: null }
    await this.#parts.deployer.ask({ ask: 'work' })
    for (let seen: string | null = null; ; ) {
      const { stamp, isBusy, requests } = await this.#answers(seen)
      if (!isBusy || this.#parts.signal.aborted) return this.#send(requests)
      seen = stamp
    }
  }

  /** Brings the certificates that are wanted, has the deployer work, and follows it until it rests. */
  async work(): Promise<Done> {
    if (this.#isSettled) return { done: 0, putOff: null }
    const { deployer, signal } = this.#parts
    const tried = new Set<string>()
    const isNew = (id: string): boolean => !signal.aborted && !tried.has(id) && tried.add(id).size > 0
    let [done, putOff, seen]: [number, WaxsealError | null, string | null] = [0, null, null]
    for (;;) {
      const { stamp, isBusy, pending, requests, wanted } = await this.#answers(seen)
      const sent = await this.#send(requests.filter(({ jobId }) => isNew(`request ${jobId}`)))
      const brought = await this.#bring(wanted.filter((id) => isNew(id)))
      done += sent.done + brought.done
      putOff = sent.putOff ?? brought.putOff ?? putOff
      if (seen === null || brought.done > 0) await deployer.ask({ ask: 'work' })
      else if (!isBusy) {
        this.#isSettled = pending === 0 && requests.length === 0
        return { done, putOff }
      }
      seen = stamp
    }
  }

  async #take(jobs: readonly Job[]): Promise<number> {
    let fresh = 0
    let left = jobs
    try {
      do {
        const part = firstPart(left)
        const taken = await this.#parts.deployer.ask({ ask: 'take', jobs: part })
        this.#full = taken.full
        fresh += taken.fresh
        left = left.slice(part.length)
      } while (left.length > 0)
      return fresh
    } catch (error) {
      this.#untaken = [...this.#untaken, ...left]
      throw error
    }
  }

  /** All pages; the first one waits while nothing is other than at `seen`. */
  async #answers(seen: string | null = null): Promise<Answers> {
    const { deployer, onReports } = this.#parts
    let after: string | null = null
    for (;;) {
      const isFirst = after === null
      const waitMs = isFirst && seen !== null ? followMs : 0
      const answers: Answers = await deployer.ask(
        { ask: 'answers', seen: isFirst ? seen : null, after, waitMs },
        waitMs,
      )
      onReports(answers.reports)
      if (answers.next === null) return answers
      after = answers.next
    }
  }

  async #send(requests: readonly CertificateRequest[]): Promise<Done> {
    return this.#each(requests, async ({ jobId, certificateId, csrPem, nextSpki }) => {
      const { deployer, controlPlane } = this.#parts
      const { value, told } = await finalErrorOf(() =>
        controlPlane.submitCsr(certificateId, csrPem, { jobId, nextSpki }),
      )
      if (value === 'accepted') this.#accepted.push(certificateId)
      await deployer.ask({ ask: 'delivered', reports: [], requests: [{ jobId, error: told }] })
    })
  }

  async #bring(wanted: readonly string[]): Promise<Done> {
    return this.#each(wanted, async (certificateId) => {
      const { deployer, controlPlane } = this.#parts
      const { value, told } = await finalErrorOf(() => controlPlane.certificate(certificateId))
      if (told === null) await deployer.ask({ ask: 'certificate', certificateId, pem: value ?? '' })
      else await deployer.ask({ ask: 'withheld', certificateId, error: told })
    })
  }

  /** What fails for now is said, and tried again in another round; a retired agent begins nothing more. */
  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<Done> {
    let [done, putOff]: [number, WaxsealError | null] = [0, null]
    for (let at = 0; at < items.length && putOff?.code !== 'AGENT_RETIRED'; at += mostCalls) {
      const ended = await Promise.allSettled(items.slice(at, at + mostCalls).map(work))
      for (const end of ended) {
        if (end.status === 'fulfilled') done += 1
        else {
          putOff = asWaxsealError(end.reason)
          this.#parts.log.warn({ code: putOff.code, reason: describeError(putOff) }, 'job put off')
        }
      }
    }
    if (putOff?.code === 'AGENT_RETIRED') throw putOff
    return { done, putOff }
  }
}

function firstPart(jobs: readonly Job[]): readonly Job[] {
  let bytes = 0
  const end = jobs.findIndex((job, index) => {
    bytes += JSON.stringify(job).length
    return index > 0 && (bytes > mostBytes || index >= 1000)
  })
  return end === -1 ? jobs : jobs.slice(0, end)
}

/** An error that another try will not mend is told to the deployer; any other is thrown. A credential may be mended. */
async function finalErrorOf<T>(
  call: () => Promise<T>,
): Promise<{ readonly value: T | null; readonly told: ToldError | null }> {
  try {
    return { value: await call(), told: null }
  } catch (error) {
    const coded = asWaxsealError(error)
    const { code, details, retry } = coded
    const isFinal =
      code === 'CONTROL_PLANE_REFUSED'
        ? details['status'] !== 401 && details['status'] !== 403
        : retry === 'never' && code !== 'AGENT_RETIRED'
    if (!isFinal) throw error
    return { value: null, told: { code, details } }
  }
}
