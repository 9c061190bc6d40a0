import { arch, hostname, networkInterfaces, platform, uptime } from 'node:os'

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

/** Seconds since this host was booted. */
export function secondsSinceBoot(): number {
  return uptime()
}
