import { dueAt } from '../../renewal/when-due.ts'
import type { CertificateRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/**
 * When a certificate that has no version yet is due because the one that was found, and whose place it takes, is. Null: it takes the
 * place of none, or its issuance was begun already, and goes on.
 */
export async function dueOfFound(
  { discovered, jobs }: Pick<Store, 'discovered' | 'jobs'>,
  { id }: Pick<CertificateRow, 'id'>,
  renewShare: number | null,
): Promise<number | null> {
  const found = await discovered.boundTo(id)
  if (found === null || (await jobs.lastIssuance(id)) !== null) return null
  return dueAt({ certificateId: id, notBefore: found.notBefore, notAfter: found.notAfter }, renewShare)
}
