import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { authoritativeFor, type ZoneServer } from './authoritative-for.ts'
import { followAliases } from './follow-aliases.ts'
import { isSameName } from './name.ts'
import { type DnsRecord, type RecordType, recordsOf } from './record.ts'
import type { Zone } from './zone-of.ts'

/**
 * What one server of the zone says: its records; `lame`: it does not serve the zone, and resolvers pass over it; `unreachable`: this host has
 * no way to that address (IPv6 often); `silent`: no answer that can be used, so that it may have anything.
 */
export type ServerView = { readonly server: ZoneServer } & (
  | { readonly state: 'answers'; readonly records: readonly DnsRecord[] }
  | { readonly state: 'lame' | 'silent' | 'unreachable'; readonly reason: string }
)

/** What all servers of a zone say of one name and type. */
export interface ZoneView extends Zone {
  /** Where the aliases of the name end: the records are there, and are published there. */
  readonly owner: string
  readonly aliases: readonly string[]
  readonly views: readonly ServerView[]
  /** Servers whose address cannot be had. */
  readonly unresolved: readonly string[]
  /** The longest time, in seconds, for which a resolver may remember the records that are there now, or that none are. */
  readonly ttl: number
}

/** No way there, by the system's own word. */
const noWay = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EACCES', 'EPERM']

/** Asks every authoritative server of the name, past all caches. A failed answer: the zone or its servers cannot be found. */
export async function lookEverywhere(
  name: string,
  type: RecordType,
  resolvers: readonly DnsServer[],
): Promise<ZoneView | { readonly failed: string }> {
  const aliased = await followAliases(name, resolvers)
  if ('failed' in aliased) return aliased
  const { end: owner, aliases } = aliased
  const found = await authoritativeFor(owner, resolvers)
  if ('failed' in found) return found
  const { zone, negativeTtl, servers, unresolved } = found
  const views = await Promise.all(servers.map((server) => lookAt(server, owner, type)))
  const records = views.flatMap((view) => (view.state === 'answers' ? view.records : []))
  const isMissing = views.some((view) => view.state !== 'answers' || view.records.length === 0)
  const ttl = Math.max(0, ...records.map((record) => record.ttl), ...(isMissing ? [negativeTtl] : []))
  return { owner, aliases, zone, negativeTtl, views, unresolved, ttl }
}

async function lookAt(server: ZoneServer, name: string, type: RecordType): Promise<ServerView> {
  const answer = await askDns({ name, type }, [server], { isRecursive: false })
  if ('failed' in answer) {
    const reason = answer.failed
    if (noWay.includes(reason)) return { server, state: 'unreachable', reason }
    return { server, state: reason === 'EREFUSED' || reason === 'ENOTAUTH' ? 'lame' : 'silent', reason }
  }
  if (!answer.isAuthoritative) return { server, state: 'lame', reason: 'it does not answer for the zone' }
  return {
    server,
    state: 'answers',
    records: recordsOf(type, answer.answers).filter((record) => isSameName(record.name, name)),
  }
}

/** Whether the world sees what `holds` says of the records: at least one server answers, and none says otherwise or may. */
export function isEverywhere(view: ZoneView, holds: (records: readonly DnsRecord[]) => boolean): boolean {
  return whyNotEverywhere(view, holds).length === 0
}

/**
 * Each server that does not say so, with the reason, for a person; none: it is so everywhere. `isStrict`: a server that the zone itself names
 * and that does not serve it counts, too: one that begins to serve again may have an old copy.
 */
export function whyNotEverywhere(
  { views, unresolved }: ZoneView,
  holds: (records: readonly DnsRecord[]) => boolean,
  isStrict = false,
): readonly string[] {
  const good = views.filter((view) => view.state === 'answers' && holds(view.records))
  const elsewhere = new Set(good.map(({ server }) => server.name))
  const against = views.flatMap((view) => {
    const at = `${view.server.name} (${view.server.address})`
    if (view.state === 'answers') return good.includes(view) ? [] : [`${at} has something else`]
    // The same server by its other address: IPv6 from a host that has none.
    if (view.state === 'unreachable' && elsewhere.has(view.server.name)) return []
    if (view.state !== 'lame') return [`${at} gives no answer: ${view.reason}`]
    return isStrict && view.server.isOwn ? [`${at} does not serve the zone, which names it: ${view.reason}`] : []
  })
  const nobody = good.length === 0 && against.length === 0 ? ['no server answers for the zone'] : []
  return [...against, ...nobody, ...unresolved.map((name) => `${name} has no address`)]
}
