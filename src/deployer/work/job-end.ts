import type { Report } from '../../documents/report.ts'
import { asWaxsealError, describeError, type WaxsealError } from '../../error/waxseal-error.ts'

/** The reports that a job earns; or why it is put off: then nothing was touched, and it may be tried again. */
export type JobEnd = readonly Report[] | WaxsealError

/** How a job ends that failed before it became a deployment. */
export function endOf(jobId: string, error: unknown): JobEnd {
  const coded = asWaxsealError(error)
  return isWorthAnotherTry(coded) ? coded : [failed(jobId, coded)]
}

/** A call that the control plane refuses for this job will be refused again; a credential may be mended. */
function isWorthAnotherTry({ code, retry, details }: WaxsealError): boolean {
  if (code === 'CONTROL_PLANE_REFUSED') return details['status'] === 401 || details['status'] === 403
  return code === 'AGENT_RETIRED' || retry === 'backoff'
}

/** The report of a job that failed before it became a deployment. */
export function failed(jobId: string, error: WaxsealError): Extract<Report, { kind: 'status' }> {
  return { kind: 'status', jobId, status: 'Failed', error: `${error.code}: ${describeError(error)}` }
}
