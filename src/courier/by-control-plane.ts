import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { inParallel } from '../deployer/in-parallel.ts'
import type { KeyRequests } from '../deployer/work/key-requests.ts'
import { makeRequest } from '../deployer/work/make-request.ts'
import type { Workshop } from '../deployer/work/run-job.ts'
import type { DeploymentJob, IssuanceJob } from '../documents/job.ts'
import { asWaxsealError } from '../error/waxseal-error.ts'
import type { KeyStore } from '../material/key-store.ts'

/** Calls of the control plane side by side. */
const mostAtOnce = 8

/** The parts of the work that the control plane is asked for. */
export function byControlPlane(parts: {
  readonly controlPlane: Pick<ControlPlane, 'certificate' | 'submitCsr'>
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
}): Required<Pick<Workshop, 'certificatesOf' | 'issue'>> {
  const { controlPlane, keyRequests } = parts
  return {
    certificatesOf: (jobs) => fetchAll(jobs, controlPlane),
    issue: async (job: IssuanceJob) => {
      const { certificateId, csrPem } = await makeRequest(job, { ...parts, names: null })
      await controlPlane.submitCsr(certificateId, csrPem)
      await keyRequests.remove(job.id)
      return []
    },
  }
}

/** Asked for side by side, each once; by an agent that is found to be retired, no more. */
async function fetchAll(
  jobs: readonly DeploymentJob[],
  controlPlane: Pick<ControlPlane, 'certificate'>,
): Promise<ReadonlyMap<string, string | Error>> {
  const fetched = new Map<string, string | Error>()
  let retired: Error | null = null
  await inParallel([...new Set(jobs.map(({ certificateId }) => certificateId))], mostAtOnce, async (id) => {
    const answer = retired ?? (await controlPlane.certificate(id).catch((error: Error) => error))
    if (answer instanceof Error && asWaxsealError(answer).code === 'AGENT_RETIRED') retired = answer
    fetched.set(id, answer)
  })
  return new Map(
    jobs.flatMap(({ id, certificateId }) => {
      const certificate = fetched.get(certificateId)
      return certificate === undefined ? [] : [[id, certificate] as const]
    }),
  )
}
