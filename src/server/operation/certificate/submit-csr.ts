import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import type { AgentRow, SigningRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { newId } from '../secret.ts'
import { holdMs } from './keep-hold.ts'
import { ownCertificate } from './own-certificate.ts'
import { namesOf } from './signer.ts'

/** A revoked key is looked for among so many versions, the newest. */
const mostVersions = 1000
/** So long after its certificate was signed a CSR that says no job may come once more: a call has five minutes, and is then tried again. */
const repeatedForMs = 600_000

/** A CSR as an agent sends it. */
export interface SubmittedCsr {
  readonly certificateId: string
  readonly csrPem: string
  /** The job that asked for it; missing: the agent does not say. */
  readonly jobId?: string
  /** SPKI digest of the key that was made ahead; missing: none was, or the agent does not say. */
  readonly nextSpki?: string
}

/**
 * Takes a CSR: once for each certificate and key, however often it is sent. An agent that knows `csr_accepted` is answered when it
 * is durable; any other when it is signed (protocol §1).
 */
export async function submitCsr(
  parts: Pick<Parts, 'store' | 'signer'>,
  agent: AgentRow,
  submitted: SubmittedCsr,
): Promise<'accepted' | 'signed'> {
  const { signer } = parts
  const signing = await signer.inTurn(() => take(parts, agent, submitted))
  if (signing === null) return 'signed'
  const signed = signer.sign(signing.id)
  if (agent.features.includes('csr_accepted')) {
    // What fails is tried again: it is a row of the store.
    signed.catch(() => {})
    return 'accepted'
  }
  const { state, error } = (await signed) ?? {}
  if (state === 'signed') return 'signed'
  throw new Refusal('busy', `the certificate is not signed yet: ${error ?? 'it is tried again'}`)
}

/** As `accept`, where the CSR is good. */
async function take(
  { store, signer }: Pick<Parts, 'store' | 'signer'>,
  agent: AgentRow,
  submitted: SubmittedCsr,
): Promise<SigningRow | null> {
  const certificate = await ownCertificate(store, agent, submitted.certificateId)
  const spki = await signer.check(submitted.csrPem, namesOf(certificate)).catch((error: unknown) => {
    if (error instanceof Refusal) throw error
    throw new Refusal('invalid', describeError(asWaxsealError(error)))
  })
  return store.transaction((inside) => accept(inside, agent, submitted, spki))
}

/** Null: a certificate for this key is there, and no other is asked for. Refuses what nobody asked for. */
async function accept(
  store: Store,
  agent: AgentRow,
  { certificateId, csrPem, jobId, nextSpki }: SubmittedCsr,
  spki: string,
): Promise<SigningRow | null> {
  // Two of the same key that come at once: the second finds what the first has made.
  const certificate = await store.certificates.lock(certificateId)
  const open = await store.signings.open(certificateId, spki)
  if (open !== null) return open
  const job = await store.jobs.lastIssuance(certificateId)
  const isAwaited = job?.status === 'AwaitingCSR'
  const versions = await store.versions.list(certificateId, mostVersions)
  const ofKey = versions.filter((one) => one.spki === spki)
  const isRevoked = ofKey.some(({ revokedAt }) => revokedAt !== null)
  // The newest, or an earlier one where the first answer was lost and a renewal came between.
  if (!isAwaited && ofKey.length > 0 && (!isRevoked || versions[0]?.spki === spki)) return null
  if (isRevoked) throw new Refusal('invalid', 'the certificate of this key was revoked; make a new key')
  // Or an agent makes versions and deployments without an end.
  if (!isAwaited) throw notWanted()
  const at = await store.now()
  // A copy that comes when the next renewal has begun is not the renewal's.
  const isOfOtherJob = jobId !== undefined && jobId !== job.id && ofKey.length > 0
  const isLate = jobId === undefined && ofKey.some(({ issuedAt }) => at - issuedAt < repeatedForMs)
  if (isOfOtherJob || (isLate && certificate?.keyPolicy === 'rotate')) return null
  const signing: SigningRow = {
    id: newId('signing'),
    jobId: job.id,
    certificateId,
    csrPem,
    spki,
    state: 'open',
    attempts: 0,
    nextTryAt: at + holdMs,
    error: null,
  }
  await store.signings.add(signing)
  // Cancelled since it was read: nothing of this stays.
  if (!(await store.jobs.move(job.id, ['AwaitingCSR'], 'Running', at))) throw notWanted()
  // The key of this CSR is next no more, whatever the agent says.
  await store.certificates.plan(certificateId, {
    nextSpki: nextSpki === undefined || nextSpki === spki ? null : nextSpki,
  })
  await audit(store, `agent:${agent.id}`, 'certificate.csr', certificateId, { spki })
  return signing
}

function notWanted(): Refusal {
  return new Refusal('invalid', 'no CSR for this certificate is waited for: its job has ended, or there was none')
}
