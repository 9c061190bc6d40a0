import type { CertificateRequest } from '../../documents/ask.ts'
import type { IssuanceJob } from '../../documents/job.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'
import { checkName } from '../../policy/policy.ts'
import { type KeyParts, keysOfJob } from '../key/key-of-job.ts'
import { type OrderParts, requireOrder } from '../order/require-order.ts'

/** What making a request needs. */
export interface RequestParts extends KeyParts {
  /** The names that policy allows; null: every name. */
  readonly names: readonly string[] | null
  /** Whether an order has to cover it. */
  readonly orders: OrderParts
}

/**
 * A request with the key that the job has, the same one however often it comes. NAME_NOT_ALLOWED, KEY_TYPE_NOT_ALLOWED, or an ORDER_
 * error: no key was made.
 */
export async function makeRequest(job: IssuanceJob, parts: RequestParts): Promise<CertificateRequest> {
  const { id: jobId, certificateId, commonName, sans } = job
  for (const name of [commonName, ...sans]) if (name !== '') checkName(name, parts.names)
  await requireOrder(job, parts.orders)
  const { key, next } = await keysOfJob(job, parts)
  const csrPem = await createCertificateRequest({ commonName, sans, keyPem: key.keyPem })
  return { jobId, certificateId, csrPem, nextSpki: next }
}
