import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { addressesOf } from './addresses-of.ts'
import { askDns } from './ask.ts'
import { isSameName, parentOf } from './name.ts'
import { recordsOf } from './record.ts'
import { type Zone, zoneOf } from './zone-of.ts'

/** A server of a zone at one of its addresses. */
export interface ZoneServer extends DnsServer {
  /** The name in the zone's NS record. */
  readonly name: string
  /** Whether the zone itself names it, and not its parent alone. */
  readonly isOwn: boolean
}

/** A zone, and who answers for it. */
export interface ZoneServers extends Zone {
  /** Each server at each of its IPv4 and IPv6 addresses. */
  readonly servers: readonly ZoneServer[]
  /** Servers whose address cannot be had. */
  readonly unresolved: readonly string[]
}

const dnsPort = 53
const mostServers = 20
const mostAddresses = 60

/**
 * All servers that the world may ask for a name (which is no alias): those that the zone itself names and those that its parent does, for
 * the two lists differ more often than anybody means. The parent's are left out where the parent cannot be asked.
 */
export async function authoritativeFor(
  name: string,
  resolvers: readonly DnsServer[],
): Promise<ZoneServers | { readonly failed: string }> {
  const zone = await zoneOf(name, resolvers)
  if ('failed' in zone) return zone
  const own = await namesOf(zone.zone, resolvers)
  if ('failed' in own) return own
  const delegated = await delegatedTo(zone.zone, resolvers)
  const names = [...new Set([...own.names, ...delegated])]
  // Never some of them only: what is seen there would be taken for all.
  if (names.length > mostServers) return { failed: 'ETOOMANY' }
  const { servers, unresolved } = await serversAt(names, resolvers)
  if (servers.length > mostAddresses) return { failed: 'ETOOMANY' }
  return {
    ...zone,
    servers: servers.map((server) => ({ ...server, isOwn: own.names.includes(server.name) })),
    unresolved,
  }
}

async function namesOf(
  zone: string,
  resolvers: readonly DnsServer[],
): Promise<{ readonly names: readonly string[] } | { readonly failed: string }> {
  const answer = await askDns({ name: zone, type: 'NS' }, resolvers, { isRecursive: true })
  if ('failed' in answer) return answer
  const names = recordsOf('NS', answer.answers).filter((record) => isSameName(record.name, zone))
  return names.length === 0 ? { failed: 'ENOZONE' } : { names: names.map(({ data }) => data) }
}

/** The servers that the zone's parent hands over to; none where the parent cannot be asked. */
async function delegatedTo(zone: string, resolvers: readonly DnsServer[]): Promise<readonly string[]> {
  const above = parentOf(zone)
  const parent = above === null ? null : await zoneOf(above, resolvers)
  if (parent === null || 'failed' in parent) return []
  const names = await namesOf(parent.zone, resolvers)
  if ('failed' in names) return []
  const { servers } = await serversAt(names.names.slice(0, 4), resolvers)
  const answer = await askDns({ name: zone, type: 'NS' }, servers, { isRecursive: false, timeoutMs: 1500, tries: 1 })
  if ('failed' in answer) return []
  const referral = [...recordsOf('NS', answer.answers), ...recordsOf('NS', answer.authority)]
  return referral.filter((record) => isSameName(record.name, zone)).map(({ data }) => data)
}

interface Found {
  readonly servers: readonly Omit<ZoneServer, 'isOwn'>[]
  readonly unresolved: readonly string[]
}

async function serversAt(names: readonly string[], resolvers: readonly DnsServer[]): Promise<Found> {
  const found = await Promise.all(names.map(async (name) => ({ name, addresses: await addressesOf(name, resolvers) })))
  return {
    servers: found.flatMap(({ name, addresses }) => addresses.map((address) => ({ name, address, port: dnsPort }))),
    unresolved: found.filter(({ addresses }) => addresses.length === 0).map(({ name }) => name),
  }
}
