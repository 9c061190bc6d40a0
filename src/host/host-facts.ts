import { arch, hostname, networkInterfaces, platform, uptime } from 'node:os'
import { runCommand } from './process/command.ts'

/** What a host says of itself to its control plane. */
export function hostFacts(version: string): {
  readonly version: string
  readonly hostname: string
  readonly os: string
  readonly architecture: string
  readonly ipAddress: string
} {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  const outside = addresses.find((address) => !address.internal && address.family === 'IPv4')
  return {
    version,
    hostname: localHostname(),
    os: platform(),
    architecture: arch(),
    ipAddress: outside?.address ?? '127.0.0.1',
  }
}

/** Whether this process may do all that the host allows. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** The name that this host goes by. */
export function localHostname(): string {
  return hostname()
}

/** The resolver may wait for a name server that does not answer. */
const resolverTimeoutMs = 3000

/**
 * The names under which others reach this host: its host name, and the full one of hostname(1) where that is another. Debian has
 * `certs` for the first and `certs.example.net` for the second, which its resolver knows, mostly by hosts(5).
 */
export async function ownNames(): Promise<readonly string[]> {
  const { exitCode, stdout } = await runCommand(['hostname', '-f'], { timeoutMs: resolverTimeoutMs })
  const full = exitCode === 0 ? [stdout.trim().replace(/\.$/, '')] : []
  return [...new Set([localHostname(), ...full])].filter(isHostname)
}

/** By RFC 1123; an underscore is seen in the wild. */
function isHostname(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9_][a-z0-9_-]{0,62}(\.[a-z0-9_][a-z0-9_-]{0,62})*$/i.test(name)
}

/** Seconds since this host was booted. */
export function secondsSinceBoot(): number {
  return uptime()
}
