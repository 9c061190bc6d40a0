/** What the agent says of its host. */
export interface HostFacts {
  readonly version: string
  readonly hostname: string
  readonly os: string
  readonly architecture: string
  readonly ipAddress: string
}

/** As they stand on the wire. */
export function factsOnWire({ ipAddress, ...facts }: HostFacts): object {
  return { ...facts, ip_address: ipAddress }
}
