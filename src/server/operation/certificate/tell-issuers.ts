import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import type { Issuer } from '../../issuer/issuer.ts'
import { pauseAfter } from '../../renewal/when-due.ts'
import type { RevocationRow } from '../../store/revocation-store.ts'
import type { Parts } from '../parts.ts'
import { hostIssuer } from '../renewal/take-over-renewal.ts'

const holdMs = 3 * 60_000
const mostAtOnce = 20
/** Somebody may have the key. */
const pace = { firstMs: 5000, longestMs: 10 * 60_000 } as const

/** Tells the issuers of revoked versions, until each knows it. */
export async function tellIssuers({ store, issuers }: Pick<Parts, 'store' | 'issuers'>): Promise<void> {
  const at = await store.now()
  for (const row of await store.revocations.take(at, at + holdMs, mostAtOnce)) await tell({ store, issuers }, row)
}

/** Whether an issuer has to be told of it: our own list says it of the bundled CA's. */
export function isToBeTold(issuers: readonly Issuer[], name: string): boolean {
  const issuer = issuers.find((one) => one.name === name)
  // One that is not configured now may be so again.
  return issuer === undefined ? name !== 'local' && name !== hostIssuer : issuer.revoke !== undefined
}

async function tell({ store, issuers }: Pick<Parts, 'store' | 'issuers'>, row: RevocationRow): Promise<void> {
  const { certificateId, number, reason, failures } = row
  const version = await store.versions.numbered(certificateId, number)
  const isOver = version === null || version.notAfter <= (await store.now())
  if (isOver || !isToBeTold(issuers, version.issuer))
    return store.revocations.told(certificateId, number, await store.now())
  try {
    const issuer = issuers.find(({ name }) => name === version.issuer)
    if (issuer?.revoke === undefined) throw new Error(`this server has no issuer ${version.issuer} that revokes`)
    await issuer.revoke(version, reason)
    await store.revocations.told(certificateId, number, await store.now())
  } catch (error) {
    const now = await store.now()
    const pause = pauseAfter(failures + 1, version.notAfter - now, `${certificateId} ${number}`, pace)
    await store.revocations.putOff(certificateId, number, now + pause, describeError(asWaxsealError(error)))
  }
}
