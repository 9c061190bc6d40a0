import { judge, mayHaveChanged } from '../rollout/judge.ts'
import type { JobRow, VersionRow } from '../store/rows.ts'
import type { KeyUse } from './fits.ts'

/** What is known of a target when its keys are counted. */
export interface TargetHistory {
  /** Now. */
  readonly at: number
  /** Its deployments and take-backs. */
  readonly jobs: readonly JobRow[]
  /** By the id of its certificate: the versions that any of these may have brought, newest first. */
  readonly versions: ReadonlyMap<string, readonly VersionRow[]>
  /** Keys of CSRs that are on their way. */
  readonly openKeys: readonly string[]
  /** The newest version of each certificate of the target, without revoked ones: it is tried until it is there. */
  readonly currentVersions: readonly VersionRow[]
  /** Keys that hosts made ahead, with the newest version of their certificate. */
  readonly nextKeys: readonly { readonly spki: string; readonly current: VersionRow | null }[]
}

/** A key that needs a record. */
export interface NeededKey extends KeyUse {
  /** The strongest reason: `served` may be served now; `awaited` is of a job or a CSR that waits; `next` is made ahead. */
  readonly why: 'served' | 'awaited' | 'next'
  /** Of a key that was made ahead: the newest certificate (PEM) of before. */
  readonly current: string | null
}

/** A job that may be run, with the version that it would bring. */
export interface RunnableJob {
  readonly job: JobRow
  readonly version: VersionRow
}

/** A host that comes back later than that with a job that was ended for it is another case (docs/design/dane.md, §8). */
export const comesBackMs = 7 * 86_400_000

/** The keys of a target that need a record, one row each (docs/design/dane.md, §1 and §2). */
export function neededKeys(history: TargetHistory): readonly NeededKey[] {
  const { jobs, openKeys, currentVersions, nextKeys } = history
  const proven = jobs.filter(isProven)
  const served = jobs.flatMap((job) => (mayBeServed(job, proven, history.at) ? broughtBy(job, history) : []))
  const awaited = jobs.flatMap((job) => (isOpen(job) ? broughtBy(job, history) : []))
  const all = [
    ...served.map(({ spki, pem }) => ({ spki, pems: [pem], why: 'served', current: null }) as const),
    ...awaited.map(({ spki, pem }) => ({ spki, pems: [pem], why: 'awaited', current: null }) as const),
    ...currentVersions.map(({ spki, pem }) => ({ spki, pems: [pem], why: 'awaited', current: null }) as const),
    ...openKeys.map((spki) => ({ spki, pems: [], why: 'awaited', current: null }) as const),
    ...nextKeys.map(({ spki, current }) => ({ spki, pems: [], why: 'next', current: current?.pem ?? null }) as const),
  ]
  const bySpki = new Map<string, NeededKey>()
  for (const one of all) {
    const known = bySpki.get(one.spki)
    bySpki.set(one.spki, known === undefined ? one : { ...known, pems: [...new Set([...known.pems, ...one.pems])] })
  }
  return [...bySpki.values()]
}

/** Whether a deployment was ever proven here: until then the host may serve a key that nobody has told of. */
export function isServedKnown({ jobs }: Pick<TargetHistory, 'jobs'>): boolean {
  return jobs.some(isProven)
}

/** Jobs that are to be handed out, or were and may still be run, each with the version that it would bring now. */
export function runnableJobs(history: TargetHistory): readonly RunnableJob[] {
  return history.jobs.flatMap((job) => {
    if (!isOpen(job) && !mayComeBack(job, history.at)) return []
    const [version] = broughtBy(job, history)
    return version === undefined ? [] : [{ job, version }]
  })
}

/**
 * Of jobs before these none that has ended and changed last before this time may be served, unless its end was a guess. Null: no job of
 * these says so.
 */
export function provenSince(jobs: readonly JobRow[], at: number): number | null {
  const times = jobs.filter(isProven).map(({ createdAt }) => createdAt)
  const told = times.filter((createdAt) => createdAt <= at)
  return told.length === 0 ? null : Math.max(...told)
}

function mayBeServed(job: JobRow, proven: readonly JobRow[], at: number): boolean {
  if (isOpen(job)) return job.attempt > 0 || job.status === 'Running'
  if (mayComeBack(job, at)) return true
  const mayHave = job.status === 'Completed' || job.attempt > 0
  if (!mayHave || !(isProven(job) || mayHaveChanged({ ...job, attempt: 1 }))) return false
  // Reports may come in another order than the host worked in: only what was made when this one had ended came behind it.
  // The clock may have been set back: what was made before it is not behind it, and a time that is to come says nothing.
  return !proven.some(({ seq, createdAt }) => seq > job.seq && createdAt > job.updatedAt && createdAt <= at)
}

/** Ended by a guess: its host may still have it, and begin it behind others. */
function mayComeBack({ isReaped, updatedAt }: JobRow, at: number): boolean {
  return isReaped && at - updatedAt < comesBackMs
}

function isProven(job: JobRow): boolean {
  return judge(job).word === 'proven'
}

function isOpen({ status }: JobRow): boolean {
  return status === 'Pending' || status === 'Running'
}

/** The versions that a job may have brought, newest first; the end says more where the host told its leaf. */
function broughtBy(job: JobRow, { versions, at }: TargetHistory): readonly VersionRow[] {
  const all = versions.get(job.certificateId) ?? []
  const told = all.filter(({ fingerprint }) => fingerprint === toldLeaf(job))
  if (told.length > 0) return told
  const from = job.versionNumber ?? 1
  if (job.type === 'TakeBack' && job.versionNumber !== null) return all.filter(({ number }) => number === from)
  const hasEnded = !isOpen(job) && !job.isReaped
  const wasThere = ({ issuedAt }: VersionRow): boolean => !hasEnded || issuedAt <= job.updatedAt || issuedAt > at
  return all.filter((version) => version.number === from || (version.number > from && wasThere(version)))
}

/** SHA-256 of the leaf, hex, as the outcome of a job that is over has it; null: it has none. */
export function toldLeaf({ status, outcome }: Pick<JobRow, 'status' | 'outcome'>): string | null {
  if (status !== 'Completed' || outcome === null) return null
  const { certificate } = outcome as { readonly certificate?: unknown }
  if (typeof certificate !== 'object' || certificate === null) return null
  const { sha256 } = certificate as { readonly sha256?: unknown }
  return typeof sha256 === 'string' ? sha256.toLowerCase() : null
}
