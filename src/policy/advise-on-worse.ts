import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { isSelfSigned } from '../material/arrange-chain.ts'
import type { Certificate, Material } from '../material/material.ts'
import { isTrustedBy, type TrustedRoots } from '../material/trusted-by.ts'
import type { Live } from './live.ts'

/** What this host knows that decides whether one pair is worse than another. */
export interface Judge {
  /** The roots of the system, read when they are needed. */
  readonly roots: () => TrustedRoots
  /** Milliseconds since 1970. */
  readonly now: number
  /** The host has renewed it by itself: nobody knows of it who publishes TLSA records. Missing: it was asked for. */
  readonly isOwn?: boolean
}

/** So much earlier a certificate may begin than the live one: CAs date them back, and clocks differ. */
const earlierMs = 86_400_000

/**
 * A certificate that is worse than the live one: TRUST_LOST where clients that know the system's roots took the live one and would not
 * take this, CERTIFICATE_OLDER where it is one from before. Warnings where policy says so; what cannot be told is no worse.
 */
export function adviseOnWorse(
  material: Material,
  live: Live,
  policy: Pick<PolicyConfig, 'worse' | 'missingChain'>,
  judge: Judge,
): readonly string[] {
  const [leaf] = live.certificates
  if (leaf === undefined || leaf.sha256 === material.leaf.sha256) return []
  return [...adviseOnTrust(material, live, policy, judge), ...adviseOnAge(material, live, policy.worse, judge)]
}

function adviseOnTrust(
  { leaf, chain }: Material,
  { certificates }: Live,
  { worse, missingChain }: Pick<PolicyConfig, 'worse' | 'missingChain'>,
  judge: Judge,
): readonly string[] {
  if (hasSameIssuers([leaf, ...chain], certificates)) return []
  // Debian's snakeoil lies among the system's roots, under its hash, and is nothing that a client elsewhere would take.
  if (certificates[0] !== undefined && isSelfSigned(certificates[0])) return []
  const { roots, now } = judge
  if (!isTrustedBy(roots(), certificates, now) || isTrustedBy(roots(), [leaf, ...chain], now)) return []
  const isAllowed = chain.length === 0 && missingChain === 'warn' && !isSelfSigned(leaf)
  if (worse === 'warn' || isAllowed)
    return [
      `Clients that know the roots of this system take the live certificate, and will refuse the new one, which ${leaf.issuer} has issued.`,
    ]
  throw new WaxsealError('TRUST_LOST', {
    issuer: leaf.issuer,
    live: certificates[0]?.issuer ?? '',
    hint: 'If it is meant: waxseal deploy --force, on this host.',
    setting: 'policy.worse',
  })
}

/** The usual renewal: then nobody has to read the roots of the system. */
function hasSameIssuers(
  [leaf, ...chain]: readonly Certificate[],
  [liveLeaf, ...liveChain]: readonly Certificate[],
): boolean {
  const digestsOf = (certificates: readonly Certificate[]): string => certificates.map(({ sha256 }) => sha256).join()
  return chain.length > 0 && leaf?.issuer === liveLeaf?.issuer && digestsOf(chain) === digestsOf(liveChain)
}

/** A life that is shorter is no older one; and whatever follows what a distribution or a person made to begin with is better. */
function adviseOnAge(
  { leaf, chain }: Material,
  { certificates }: Live,
  mode: PolicyConfig['worse'],
  { roots, now }: Judge,
): readonly string[] {
  const [live] = certificates
  if (live === undefined || isSelfSigned(live)) return []
  const isOlder =
    Date.parse(leaf.notBefore) < Date.parse(live.notBefore) - earlierMs &&
    Date.parse(leaf.notAfter) < Date.parse(live.notAfter)
  if (!isOlder) return []
  if (!isTrustedBy(roots(), certificates, now) && isTrustedBy(roots(), [leaf, ...chain], now)) return []
  if (mode === 'warn')
    return [
      `The certificate is older than the live one: it ends on ${leaf.notAfter}, the live one on ${live.notAfter}.`,
    ]
  throw new WaxsealError('CERTIFICATE_OLDER', {
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    liveNotBefore: live.notBefore,
    liveNotAfter: live.notAfter,
    hint: 'To go back to a pair that was live here: waxseal rollback TARGET. If it is meant: waxseal deploy --force, on this host.',
    setting: 'policy.worse',
  })
}
