import { WaxsealError } from '../error/waxseal-error.ts'
import type { JobCalls } from './job-calls.ts'
import { unusable } from './request.ts'

/** `reportRenewed` for a server that knows it. `features`: what it has said; null: nothing yet. CONTROL_PLANE_REFUSED: it does not know it. */
export function tellRenewed(
  call: JobCalls['reportRenewed'],
  features: () => ReadonlySet<string> | null,
): JobCalls['reportRenewed'] {
  return async (report) => {
    const known = features()
    if (known === null) throw unusable('it has not said yet what it knows')
    if (known.has('renewed')) return call(report)
    const answer = 'this control plane takes no renewals by a host'
    throw new WaxsealError('CONTROL_PLANE_REFUSED', { status: 404, answer })
  }
}
