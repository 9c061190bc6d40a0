import { requireOurs } from '../../config/require-ours.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { readBounded } from '../../host/file/read-bounded.ts'
import type { Certificate } from '../../material/material.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { issuersAbove, isTrustedBy, parseRoots, type TrustedRoots } from '../../material/trusted-by.ts'

/** Whom this host takes a renewal of its own from. */
interface Vouching {
  /** Of the system. */
  readonly roots: () => TrustedRoots
  /** PEM file of `policy.acme.own.ca_file`; null: none is set. */
  readonly caFile: string | null
  readonly now: number
}

const mostBytes = 1024 * 1024

/**
 * TRUST_LOST: a certificate of nobody whom this host believes. One is believed that a key has signed which stands above the live leaf, or
 * that leads to a root of the system or of the CA file: a courier that was broken into can sign by itself, too.
 */
export async function requireVoucher(
  given: readonly Certificate[],
  live: readonly Certificate[],
  { roots, caFile, now }: Vouching,
): Promise<void> {
  const aboveLive = new Set(issuersAbove(roots(), live, timeOf(live, now)).map(({ spkiSha256 }) => spkiSha256))
  if (issuersAbove(roots(), given, now).some(({ spkiSha256 }) => aboveLive.has(spkiSha256))) return
  if (isTrustedBy(roots(), given, now) || isTrustedBy(await rootsIn(caFile), given, now)) return
  throw new WaxsealError('TRUST_LOST', {
    issuer: given[0]?.issuer ?? '',
    live: live[0]?.issuer ?? '',
    reason: 'neither an issuer of the live certificate nor a trusted root stands above it',
    hint: 'Put the root of this CA into the file of policy.acme.own.ca_file, if it is meant.',
    setting: 'policy.acme.own.ca_file',
  })
}

/** One that has ended is judged by its last moment. */
function timeOf([leaf]: readonly Certificate[], now: number): number {
  return leaf === undefined ? now : Math.min(now, Date.parse(leaf.notAfter))
}

async function rootsIn(file: string | null): Promise<TrustedRoots> {
  if (file === null) return new Map()
  await requireOurs(file, 'policy.acme.own.ca_file')
  const bytes = await readBounded(file, mostBytes)
  return bytes === null ? new Map() : parseRoots(parseCertificates(bytes, 'chain').map(({ der }) => der))
}
