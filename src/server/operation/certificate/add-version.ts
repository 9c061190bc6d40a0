import type { readVersion } from '../../authority/read-version.ts'
import { dueAt } from '../../renewal/when-due.ts'
import type { CertificateRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/**
 * A version that is signed now, behind this newest one: its number is the next, its renewal is planned by its life, and what failed before
 * is over. Call it in a transaction that has locked the certificate. Returns its number.
 */
export async function addVersion(
  { versions, certificates }: Pick<Store, 'versions' | 'certificates'>,
  { id: certificateId, renewShare }: Pick<CertificateRow, 'id' | 'renewShare'>,
  newest: Pick<VersionRow, 'number'> | null,
  signed: ReturnType<typeof readVersion> & Pick<VersionRow, 'issuer' | 'issuedAt'>,
): Promise<number> {
  const number = (newest?.number ?? 0) + 1
  const version = { ...signed, certificateId, number, revokedAt: null }
  await versions.add(version)
  await certificates.plan(certificateId, {
    nextRenewalAt: dueAt(version, renewShare),
    renewalFailures: 0,
    lastError: null,
    revokedAt: null,
  })
  return number
}
