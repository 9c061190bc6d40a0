import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { Solver } from '../../issuer/acme/solver.ts'
import type { AcmeProof } from '../../store/acme-order-store.ts'
import type { Store } from '../../store/store.ts'
import { answersChallenges, askChallenge, challengeState } from '../job/ask-challenge.ts'

/** Hosts that one name may lead to. */
const mostHosts = 20
/** The longest that hosts take. */
const lifetimeS = 3600
/** Another host that has said nothing for so long is off: the CA may look without it. */
const othersMs = 10 * 60_000

/**
 * HTTP-01 (RFC 8555 §8.3) by the hosts: the one of the certificate, and all others that have one with this name, for the CA looks at any
 * of the addresses that the name has. Each gets a job of the type Challenge. One of the others that is off holds it up for ten minutes.
 */
export function httpSolver(store: Store): Solver {
  return {
    kind: 'http',
    placeFor: async (_, isWildcard, { certificateId }) => {
      if (isWildcard) return null
      const certificate = await store.certificates.byId(certificateId)
      return certificate !== null && (await answersChallenges(store, certificate.agentId)) ? '' : null
    },
    publish: async (proofs, { certificateId }) => {
      const placed: AcmeProof[] = []
      for (const proof of proofs)
        placed.push({ ...proof, place: (await askHosts(store, proof, certificateId)).join(' ') })
      return placed
    },
    whyNotSeen: async ({ name, place, publishedAt }, at) => {
      const isLate = at - (publishedAt ?? at) >= othersMs
      for (const id of jobsIn(place)) {
        const state = await challengeState(store, id)
        if (state.state === 'answered' || (await isOtherAndSilent(store, id, isLate))) continue
        if (state.state === 'failed') throw new WaxsealError('PROOF_UNSEEN', { name, job: id, reason: state.error })
        return `a host does not answer for ${name} yet (${id})`
      }
      return null
    },
    // Hosts forget an answer by themselves.
    remove: async (proofs) => {
      const at = await store.now()
      for (const id of proofs.flatMap(({ place }) => jobsIn(place)))
        await store.jobs.move(id, ['Pending'], 'Cancelled', at, 'the CA asks for it no more')
    },
  }
}

function jobsIn(place: string | null): readonly string[] {
  return (place ?? '').split(' ').filter((id) => id !== '')
}

/** A host that is not the one of the certificate, and said nothing in time, or nothing until its job was ended for it. */
async function isOtherAndSilent(store: Store, jobId: string, isLate: boolean): Promise<boolean> {
  const job = await store.jobs.byId(jobId)
  if (job === null || job.agentId === (await store.certificates.byId(job.certificateId))?.agentId) return false
  if (job.status === 'Failed') return job.isReaped || (job.deadline ?? Number.POSITIVE_INFINITY) <= job.updatedAt
  return isLate && (job.status === 'Pending' || job.status === 'Running')
}

/** Ids of the jobs. Those that a server which died has asked for answer with the same. */
async function askHosts(
  store: Store,
  { name, token, value: keyAuthorization }: AcmeProof,
  certificateId: string,
): Promise<readonly string[]> {
  const own = (await store.certificates.byId(certificateId))?.agentId
  const others = await store.certificates.agentsWith(name, mostHosts)
  const jobs: string[] = []
  for (const agentId of new Set([...(own === undefined ? [] : [own]), ...others])) {
    if (!(await answersChallenges(store, agentId))) continue
    jobs.push(await askChallenge(store, { agentId, certificateId, name, token, keyAuthorization, lifetimeS }))
  }
  return jobs
}
