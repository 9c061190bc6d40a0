import { issuanceJob } from '../../support/key-parts.ts'

/** What a job was answered, by SPKI digests. */
export interface KeysAnswer {
  readonly job: string
  readonly spki: string
  readonly next: string | null
}

/** Jobs of one certificate: a first key, a rotation, the same key again, a rotation to another kind, and one more. */
export const keyJobs = [
  issuanceJob('job-1', { key: 'rotate', nextKey: true }),
  issuanceJob('job-2', { key: 'rotate', nextKey: true }),
  issuanceJob('job-3', { key: 'reuse', nextKey: true }),
  issuanceJob('job-4', { key: 'rotate', keyType: 'ed25519', nextKey: true }),
  issuanceJob('job-5', { key: 'rotate', keyType: 'ed25519' }),
] as const
