import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { systemResolvers } from '../host/socket/system-resolvers.ts'
import { askDns } from './ask.ts'
import { answersTo } from './message.ts'
import { type DnsRecord, recordsOf, type TlsaRecord } from './record.ts'
import { isOnLoopback, parseServer } from './server-address.ts'

/** What a resolver says of TLSA records. No records: there are none, or none that could be read. */
export interface TlsaAnswer {
  readonly records: readonly TlsaRecord[]
  /** For how many seconds more the resolver remembers the records. */
  readonly ttl: number
  /** Whether it was validated with DNSSEC by a resolver that nobody stands before: the AD bit, over loopback. */
  readonly isSecure: boolean
}

/** Asks for the records of an owner name such as `_25._tcp.mx.example.org`, through aliases. Each server is asked once, and has three seconds. */
export async function askTlsa(
  owner: string,
  resolvers: readonly DnsServer[],
): Promise<TlsaAnswer | { readonly failed: string }> {
  const question = { name: owner, type: 'TLSA' } as const
  const answer = await askDns(question, resolvers, { isRecursive: true, tries: 1 })
  if ('failed' in answer) return answer
  const found = recordsOf('TLSA', answersTo(question, answer.answers))
  return {
    records: found.map(({ data }) => data),
    ttl: Math.max(0, ...found.map(({ ttl }) => ttl)),
    isSecure: answer.isAuthentic && isOnLoopback(answer.server),
  }
}

/** These servers, or the system's where none is named; what is no address is left out. */
export function resolversOf(texts: readonly string[]): readonly DnsServer[] {
  return (texts.length === 0 ? systemResolvers() : texts).flatMap((text) => parseServer(text) ?? [])
}

/** The value of a TLSA record as zone files have it. */
export function writeTlsa({ usage, selector, matchingType, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matchingType} ${data}`
}

/** Whether this record is among those. */
export function hasTlsa(records: readonly DnsRecord[], wanted: TlsaRecord): boolean {
  return recordsOf('TLSA', records).some(({ data }) => writeTlsa(data) === writeTlsa(wanted))
}
