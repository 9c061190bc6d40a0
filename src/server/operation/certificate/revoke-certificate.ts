import type { RevocationReason } from '../../issuer/issuer.ts'
import type { RevocationRow } from '../../store/revocation-store.ts'
import type { CertificateRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { openIssuance } from '../job/open-issuance.ts'
import { agentNamed, certificateNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { beginRenewal } from '../renewal/begin-renewal.ts'
import { isToBeTold } from './tell-issuers.ts'

/** What was revoked, and the job that replaces it. */
export interface Revoked {
  readonly certificateId: string
  /** Serials, hex. */
  readonly serials: readonly string[]
  /** Null: its agent is retired. */
  readonly jobId: string | null
}

const mostVersions = 1000
const notHandedOut =
  'CERTIFICATE_REVOKED: the certificate was revoked before its host had it; the one that takes its place is deployed by itself'

/**
 * Revokes every version of a certificate (by id or common name) that has not ended, and begins its renewal at once. From now on
 * no CSR with one of their keys is taken: the agent makes a new one. What waits to be handed out with one of them is cancelled. Their
 * issuers are told until they know it.
 */
export function revokeCertificate(
  { store, issuers = [] }: Pick<Parts, 'store'> & Partial<Pick<Parts, 'issuers'>>,
  actor: Actor,
  name: string,
  reason: RevocationReason = 'unspecified',
): Promise<Revoked> {
  return store.transaction(async (inside) => {
    const { id } = await certificateNamed(inside, name)
    const certificate = await inside.certificates.lock(id)
    const at = await inside.now()
    const versions = (await inside.versions.list(id, mostVersions)).filter(({ notAfter }) => notAfter > at)
    if (certificate === null || versions.length === 0)
      throw new Refusal('conflict', `there is nothing to revoke: no version of ${name} is valid`)
    for (const version of versions) {
      await revoke(inside, version, at)
      if (isToBeTold(issuers, version.issuer)) await inside.revocations.add(newRevocation(version, reason, at))
    }
    await inside.certificates.plan(id, { revokedAt: at })
    const cancelled = await inside.jobs.cancelRevoked(id, notHandedOut, at)
    const serials = versions.map(({ serial }) => serial)
    await audit(inside, actor, 'certificate.revoke', id, { serials, reason, cancelled })
    return { certificateId: id, serials, jobId: await replace(inside, actor, certificate, versions[0] ?? null) }
  })
}

function newRevocation({ certificateId, number }: VersionRow, reason: RevocationReason, at: number): RevocationRow {
  return { certificateId, number, reason, nextTryAt: at, failures: 0, error: null, toldAt: null }
}

async function revoke(store: Store, { certificateId, number, spki }: VersionRow, at: number): Promise<void> {
  await store.versions.revoke(certificateId, number, at)
  const signing = await store.signings.open(certificateId, spki)
  if (signing === null) return
  const error = 'its key was revoked'
  await store.signings.end(signing.id, 'failed', error)
  if (signing.jobId !== null) await store.jobs.move(signing.jobId, ['AwaitingCSR', 'Running'], 'Failed', at, error)
}

/** An issuance that is open makes the new key; no window holds it up any more. */
async function replace(
  store: Store,
  actor: Actor,
  certificate: CertificateRow,
  version: VersionRow | null,
): Promise<string | null> {
  const agent = await agentNamed(store, certificate.agentId)
  if (agent.status !== 'active') return null
  const open = await openIssuance(store, certificate.id)
  if (open === null) return beginRenewal(store, actor, certificate, version)
  await store.jobs.postpone(open.id, null, null)
  return open.id
}
