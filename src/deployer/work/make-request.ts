import type { CertificateRequest } from '../../documents/ask.ts'
import type { IssuanceJob } from '../../documents/job.ts'
import type { DeploymentRecords } from '../../journal/deployment-record.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'
import type { KeyStore } from '../../material/key-store.ts'
import { checkName } from '../../policy/policy.ts'
import { type OrderParts, requireOrder } from '../order/require-order.ts'
import { type KeyRequests, requireRoomForKey } from './key-requests.ts'

/** What making a request needs. */
export interface RequestParts {
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  /** The names that policy allows; null: every name. */
  readonly names: readonly string[] | null
  /** Whether an order has to cover it. */
  readonly orders: OrderParts
  /** What is live on each target: the keys of these stay. */
  readonly records: Pick<DeploymentRecords, 'list'>
  /** Whether the job has not ended. */
  readonly isOpen: (jobId: string) => boolean
}

/** A key, the same one however often the job comes, and a request with it. NAME_NOT_ALLOWED, or an ORDER_ error: no key was made. */
export async function makeRequest(job: IssuanceJob, parts: RequestParts): Promise<CertificateRequest> {
  const { keys, keyRequests, names, orders } = parts
  const { id: jobId, certificateId, commonName, sans } = job
  for (const name of [commonName, ...sans]) if (name !== '') checkName(name, names)
  await requireOrder(job, orders)
  const earlier = await keyRequests.get(jobId)
  const earlierPem = earlier === null ? null : await keys.find(earlier.spkiSha256)
  const keyPem = earlierPem ?? (await makeKey(job, parts))
  return { jobId, certificateId, csrPem: await createCertificateRequest({ commonName, sans, keyPem }) }
}

/** `made`: the job may come again; and so many of one certificate would leave none for the others. */
async function makeKey({ id, certificateId }: IssuanceJob, parts: RequestParts): Promise<string> {
  const { keys, keyRequests, records } = parts
  await requireRoomForKey(certificateId, parts)
  const used = async (): Promise<ReadonlySet<string>> => {
    const live = (await records.list()).map(({ document }) => document.certificate.spkiSha256)
    return new Set([...live, ...(await keyRequests.list()).map(({ document }) => document.spkiSha256)])
  }
  const { spkiSha256, keyPem } = await keys.create(used)
  await keyRequests.put(id, { spkiSha256, certificateId, made: Date.now() })
  return keyPem
}
