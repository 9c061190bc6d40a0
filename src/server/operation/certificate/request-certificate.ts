import type { RenewalPolicy } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { activeAgent, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { newId } from '../secret.ts'
import { defaultPolicy, requirePolicy } from './renewal-policy.ts'

/** A certificate as an operator asks for it. */
export interface WantedCertificate {
  /** Id or name. */
  readonly agent: string
  readonly commonName: string
  readonly sans: readonly string[]
  readonly validityDays: number
  /** Targets, by id or name. */
  readonly deployTo: readonly string[]
  /** What is left out is as for all. */
  readonly policy?: Partial<RenewalPolicy>
}

/** Has an agent make a key and request a certificate, which is deployed when it is signed. */
export function requestCertificate(
  { store, signer }: Pick<Parts, 'store' | 'signer'>,
  actor: Actor,
  { agent, commonName, sans, validityDays, deployTo, policy = {} }: WantedCertificate,
): Promise<{ readonly certificateId: string; readonly jobId: string }> {
  return store.transaction(async (inside) => {
    const row = await activeAgent(inside, agent)
    const { id: agentId } = row
    requirePolicy(policy, signer.issuers, row)
    const targets: string[] = []
    for (const target of deployTo) targets.push((await targetNamed(inside, target, agentId)).id)
    const id = newId('cert')
    const plan = { ...defaultPolicy, ...policy }
    const empty = { nextRenewalAt: null, renewalFailures: 0, lastError: null, revokedAt: null, nextSpki: null }
    const createdAt = await inside.now()
    await inside.certificates.add(
      { id, agentId, commonName, sans, validityDays, ...plan, ...empty, createdAt },
      targets,
    )
    const job = { type: 'Issuance', agentId, certificateId: id, targetId: null, versionNumber: null } as const
    const jobId = await addJob(inside, job)
    await audit(inside, actor, 'certificate.request', id, { commonName, sans, ...policy })
    return { certificateId: id, jobId }
  })
}
