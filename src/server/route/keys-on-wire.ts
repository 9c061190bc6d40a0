import type { ClaimedJob } from '../operation/job/claim-work.ts'
import type { AgentRow } from '../store/rows.ts'

/** Which key a CSR is to have, as far as its agent knows of it (protocol §4). A key that was revoked is never used again. */
export function keysOnWire(
  { certificate, version, keptKeys }: ClaimedJob,
  { features }: Pick<AgentRow, 'features'>,
): object {
  if (!features.includes('lease')) return {}
  const { keyPolicy, keyType, revokedAt } = certificate
  const isReused = keyPolicy === 'reuse' && revokedAt === null && features.includes('key')
  const key = isReused ? 'reuse' : 'rotate'
  if (!features.includes('keys')) return { key }
  return {
    key,
    next_key: true,
    ...(keyType === null ? {} : { key_type: keyType }),
    ...(version === null ? {} : { current_spki_sha256: version.spki }),
    ...(keptKeys.length === 0 ? {} : { keep_spki: keptKeys }),
  }
}
