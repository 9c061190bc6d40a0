import { type LookedAddress, lookBounds } from '../control-plane/look-report.ts'
import { coversName } from '../dns/covers-name.ts'
import type { TlsaRecord } from '../dns/record.ts'
import { readCertificate } from '../material/parse-certificate.ts'
import { matchesTlsa } from '../policy/dane.ts'
import { probeOnce } from '../verify/probe-once.ts'

const timeoutMs = 20_000
/** Nothing else is ever connected to. */
const smtpPort = 25

/** Connects to port 25 of this address, unless `skipped` says why not, and looks at what STARTTLS shows. Never throws. */
export async function lookAtAddress(
  address: string,
  asked: {
    readonly name: string
    readonly roots: readonly string[]
    /** Those that count. */
    readonly records: readonly TlsaRecord[]
    readonly skipped: string | null
  },
): Promise<LookedAddress> {
  const { name, roots, records, skipped } = asked
  const nothing = {
    tlsVersion: null,
    leaf: null,
    names: [],
    notAfter: null,
    distrust: null,
    coversName: false,
    matchesTlsa: null,
  }
  if (skipped !== null) return { address, skipped, error: null, ...nothing }
  const probe = { host: address, port: smtpPort, protocol: 'smtp', servername: name, keyType: null, timeoutMs } as const
  const seen = await probeOnce(probe, roots)
  if (seen.failure !== null) {
    // What the server says in words is not repeated: the phase, and the system's reason.
    return { address, skipped, error: `${seen.failure.phase}: ${seen.failure.reason}`.slice(0, 200), ...nothing }
  }
  const [leaf, ...chain] = seen.certificates.flatMap((der) => readCertificate(der)?.certificate ?? [])
  if (leaf === undefined) return { address, skipped, error: 'its certificate cannot be read', ...nothing }
  return {
    address,
    skipped,
    error: null,
    tlsVersion: seen.tlsVersion,
    leaf: leaf.sha256,
    names: leaf.names.slice(0, lookBounds.names).map((one) => one.slice(0, 253)),
    notAfter: leaf.notAfter,
    distrust: seen.distrust?.slice(0, 100) ?? null,
    coversName: leaf.names.some((one) => coversName(one, name)),
    matchesTlsa: records.length === 0 ? null : matchesTlsa({ leaf, chain }, records),
  }
}
