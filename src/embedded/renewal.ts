import { X509Certificate } from 'node:crypto'
import { lifetimeOf } from '../outcome/lifetime.ts'
import type { Store } from './store.ts'

/** How far the certificate that was last deployed to a target is in its life; null: none was. Nobody here renews by himself. */
export function renewalOf(store: Store, targetId: string): object | null {
  const row = store.first<{ readonly certificate_pem: string | null }>(
    `SELECT certificate_pem FROM certificate JOIN job ON job.certificate_id = certificate.id
      WHERE job.target_id = ? AND job.type IN ('Deployment', 'TakeBack') AND job.status = 'Completed'
      ORDER BY job.created_at DESC, job.rowid DESC LIMIT 1`,
    targetId,
  )
  if (row === undefined || row.certificate_pem === null) return null
  const { validFrom, validTo } = new X509Certificate(row.certificate_pem)
  const [notBefore, notAfter] = [validFrom, validTo].map((time) => new Date(time).toISOString())
  const { stage, daysLeft, used } = lifetimeOf({ notBefore: notBefore ?? '', notAfter: notAfter ?? '' }, store.now())
  return { stage, days_left: daysLeft, lifetime_used: used, not_after: notAfter }
}
