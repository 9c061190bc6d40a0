/**
 * By when a certificate is needed anew, over SQL: the end that its issuer hastens it to, or that of its newest version. `first`: for one
 * that has no version yet.
 */
export function neededBy(certificateId: string, first: string): string {
  return `COALESCE((SELECT urgent_by FROM renewal_info WHERE certificate_id = ${certificateId} AND ask_at IS NOT NULL),
    (SELECT MAX(not_after) FROM version WHERE certificate_id = ${certificateId}), ${first})`
}
