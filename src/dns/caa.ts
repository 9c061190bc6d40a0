import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { type CaaRequest, judgeCaa } from './judge-caa.ts'
import { answersTo } from './message.ts'
import { parentOf } from './name.ts'
import { type CaaRecord, recordsOf } from './record.ts'

/** The CAA records that count for a name: where the nearest are. None: any CA may. */
interface FoundCaa {
  /** Null: there are none up to the root. */
  readonly at: string | null
  readonly records: readonly CaaRecord[]
}

/** Climbs from the name (without `*.`) to the root until there are CAA records (RFC 8659 §3). A failed answer lets no CA issue. */
async function findCaa(
  name: string,
  resolvers: readonly DnsServer[],
): Promise<FoundCaa | { readonly failed: string; readonly at: string }> {
  for (let at: string | null = name; at !== null; at = parentOf(at)) {
    const question = { name: at, type: 'CAA' } as const
    const answer = await askDns(question, resolvers, { isRecursive: true })
    if ('failed' in answer) return { failed: answer.failed, at }
    const records = recordsOf('CAA', answersTo(question, answer.answers))
    if (records.length > 0) return { at, records: records.map(({ data }) => data) }
  }
  return { at: null, records: [] }
}

/** Why a CA would refuse this name for its CAA records, in a sentence for a person; null: it would not. */
export async function whyCaaRefuses(
  name: string,
  request: Omit<CaaRequest, 'isWildcard'>,
  resolvers: readonly DnsServer[],
): Promise<string | null> {
  const isWildcard = name.startsWith('*.')
  const found = await findCaa(isWildcard ? name.slice(2) : name, resolvers)
  if ('failed' in found) return `the CAA records of ${found.at} cannot be read: ${found.failed}`
  const reason = judgeCaa(found.records, { ...request, isWildcard })
  return reason === null ? null : `the CAA records of ${found.at ?? name} ${reason}`
}
