import type { CertificateRequest } from '../../documents/ask.ts'
import type { IssuanceJob } from '../../documents/job.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'
import type { KeyStore } from '../../material/key-store.ts'
import { checkName } from '../../policy/policy.ts'
import type { KeyRequests } from './key-requests.ts'

/** What making a request needs. */
export interface RequestParts {
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  /** The names that policy allows; null: every name. */
  readonly names: readonly string[] | null
}

/** A key, the same one however often the job comes, and a request with it. NAME_NOT_ALLOWED: no key was made. */
export async function makeRequest(job: IssuanceJob, parts: RequestParts): Promise<CertificateRequest> {
  const { keys, keyRequests, names } = parts
  const { id: jobId, certificateId, commonName, sans } = job
  for (const name of [commonName, ...sans]) if (name !== '') checkName(name, names)
  const earlier = await keyRequests.get(jobId)
  const earlierPem = earlier === null ? null : await keys.find(earlier.spkiSha256)
  const keyPem = earlierPem ?? (await makeKey(jobId, parts))
  return { jobId, certificateId, csrPem: await createCertificateRequest({ commonName, sans, keyPem }) }
}

async function makeKey(jobId: string, { keys, keyRequests }: RequestParts): Promise<string> {
  const { spkiSha256, keyPem } = await keys.create()
  await keyRequests.put(jobId, { spkiSha256 })
  return keyPem
}
