import { arch, hostname, networkInterfaces, platform } from 'node:os'

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
    hostname: hostname(),
    os: platform(),
    architecture: arch(),
    ipAddress: outside?.address ?? '127.0.0.1',
  }
}
