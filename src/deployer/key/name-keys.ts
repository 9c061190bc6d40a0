import type { DeploymentRecord } from '../../journal/deployment-record.ts'
import type { Keyring } from './keyrings.ts'

/** What a key is to this host, in the words of docs/design/state.md (Keys); `published`: a TLSA record names it, and nothing else needs it. */
export type KeyUse = 'current' | 'next' | 'asked for' | 'before' | 'published' | 'unused'

/** A key with what needs it. */
export interface NamedKey {
  readonly use: KeyUse
  /** Common names of the certificates whose keyrings name it. */
  readonly certificates: readonly string[]
  /** The targets whose deployed certificate is for it. */
  readonly targets: readonly string[]
}

/** Says which key a digest (SPKI) is, by what is deployed and what was asked for. */
export function nameKey(
  spkiSha256: string,
  records: readonly Pick<DeploymentRecord, 'target' | 'certificate'>[],
  rings: readonly Keyring[],
): NamedKey {
  const live = records.filter(({ certificate }) => certificate.spkiSha256 === spkiSha256)
  const uses = rings.flatMap((ring) => {
    const use = useIn(ring, spkiSha256)
    return use === null ? [] : [{ use, name: ring.commonName }]
  })
  const found = uses.map(({ use }) => use)
  const use = order.find((one) => found.includes(one)) ?? 'unused'
  return {
    use: live.length > 0 ? 'current' : use,
    certificates: [...new Set(uses.map(({ name }) => name))],
    targets: live.map(({ target }) => target),
  }
}

/** What keeps a key longest is what it is. */
const order: readonly KeyUse[] = ['next', 'asked for', 'before', 'published']

function useIn({ asked, next, tlsa }: Keyring, spkiSha256: string): KeyUse | null {
  if (next === spkiSha256) return 'next'
  const at = asked.findIndex((one) => one.spkiSha256 === spkiSha256)
  if (at !== -1) return at === 0 ? 'asked for' : 'before'
  return tlsa.includes(spkiSha256) ? 'published' : null
}
