import type { FoundCertificate, Place } from '../documents/discovery.ts'

/** What a control plane is told of the certificates on this host; a server has an error where all three lists are empty. */
export interface DiscoveryReport {
  readonly folders: readonly string[]
  readonly certificates: readonly FoundCertificate[]
  /** Told to a server that takes it. */
  readonly gone: readonly Place[]
  /** A sentence each. */
  readonly errors: readonly string[]
  readonly ms: number
}

/** What a server says that takes `gone` (protocol §4). */
export const goneFeature = 'discovery'

/** The body of the call: exactly what protocol §1 has; with `gone` for a server that takes it. */
export function discoveryBody(
  agentId: string,
  { folders, certificates, gone, errors, ms }: DiscoveryReport,
  takesGone: boolean,
): object {
  return {
    agent_id: agentId,
    directories: folders,
    certificates: certificates.map(entryOf),
    errors,
    scan_duration_ms: ms,
    ...(takesGone && gone.length > 0
      ? { gone: gone.map(({ sha256, path }) => ({ fingerprint_sha256: sha256, source_path: path })) }
      : {}),
  }
}

/** One certificate as it stands on the wire. */
export function entryOf(found: FoundCertificate): object {
  return {
    fingerprint_sha256: found.sha256,
    common_name: found.commonName,
    sans: found.sans,
    serial_number: found.serial,
    issuer_dn: found.issuer,
    subject_dn: found.subject,
    not_before: found.notBefore,
    not_after: found.notAfter,
    key_algorithm: found.keyAlgorithm,
    key_size: found.keySize,
    is_ca: found.isCa,
    pem_data: found.pem,
    source_path: found.path,
    source_format: found.format,
  }
}
