import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { isSameName, isWithin, parentOf } from './name.ts'
import { recordsOf } from './record.ts'

/** The zone that a name is in. */
export interface Zone {
  readonly zone: string
  /** For how long, in seconds at most, a resolver remembers that a record is not there (RFC 2308). */
  readonly negativeTtl: number
}

/** The zone of a name that is no alias: the nearest name above it, or itself, with a SOA record. */
export async function zoneOf(
  name: string,
  resolvers: readonly DnsServer[],
): Promise<Zone | { readonly failed: string }> {
  for (let at: string | null = name; at !== null; ) {
    const answer = await askDns({ name: at, type: 'SOA' }, resolvers, { isRecursive: true })
    if ('failed' in answer) return answer
    const asked: string = at
    const apex = recordsOf('SOA', answer.answers).find((record) => isSameName(record.name, asked))
    if (apex !== undefined) return { zone: at, negativeTtl: apex.data.minimum }
    // A denial names the zone that it is from, which saves the questions between: one that is not above the name saves none.
    const above = recordsOf('SOA', answer.authority).find(
      (record) => record.name !== at && isWithin(asked, record.name),
    )
    at = above?.name ?? parentOf(at)
  }
  return { failed: 'ENOZONE' }
}
