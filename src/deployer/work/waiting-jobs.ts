import type { Job } from '../../documents/job.ts'
import { mostShownWaiting, type WaitingJob } from '../../documents/shown-host.ts'
import { textWithout } from '../../documents/without-output.ts'
import { describeError, type WaxsealError } from '../../error/waxseal-error.ts'
import type { ClaimedJob } from '../../inbox/inbox.ts'

/** What is known of the jobs that are not done. */
export interface KnownOfJobs {
  /** The ids of those being done. */
  readonly running: readonly string[]
  /** Whether the certificate of this deployment is here. */
  readonly isCertified: (jobId: string) => boolean
  /** Whether the request of this issuance is made, and not taken yet. */
  readonly isOffered: (jobId: string) => boolean
  /** Why it was put off when it was last tried; null: it was not. */
  readonly putOff: (jobId: string) => WaxsealError | null
  /** When jobs of this kind are tried again: milliseconds since 1970. Null: they are being tried, or nothing was put off. */
  readonly nextTry: (kind: Job['kind']) => number | null
}

/** What each of the jobs waits for that are not being done, in their order, at most 100. */
export function waitingJobs(pending: readonly ClaimedJob[], known: KnownOfJobs): readonly WaitingJob[] {
  return pending
    .filter(({ job }) => !known.running.includes(job.id))
    .slice(0, mostShownWaiting)
    .map(({ job }) => {
      const error = known.putOff(job.id)
      const next = error === null ? null : known.nextTry(job.kind)
      return {
        job: job.id,
        kind: job.kind,
        name: nameOf(job),
        waitsFor: error === null ? waitsFor(job, known) : 'try',
        code: error?.code ?? null,
        reason: error === null ? null : textWithout(describeError(error)),
        nextTry: next === null ? null : new Date(next).toISOString(),
      }
    })
}

function waitsFor({ id, kind }: Job, { isCertified, isOffered }: KnownOfJobs): WaitingJob['waitsFor'] {
  if (kind === 'deployment' && !isCertified(id)) return 'certificate'
  return kind === 'issuance' && isOffered(id) ? 'control-plane' : 'turn'
}

function nameOf(job: Job): string {
  if (job.kind === 'issuance') return job.commonName || (job.sans[0] ?? job.id)
  if (job.kind === 'challenge') return job.name
  if (job.kind === 'unsupported') return job.type
  return ('targetName' in job ? job.targetName : undefined) ?? job.targetId
}
