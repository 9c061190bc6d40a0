import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { answersTo } from './message.ts'
import { type RecordData, recordsOf } from './record.ts'

/** Where a domain takes mail, the most preferred first: its MX records, or itself where it has none (RFC 5321 §5.1). An exchange without a name takes none (RFC 7505). */
export async function mailExchanges(
  domain: string,
  resolvers: readonly DnsServer[],
): Promise<readonly RecordData['MX'][] | { readonly failed: string }> {
  const question = { name: domain, type: 'MX' } as const
  const answer = await askDns(question, resolvers, { isRecursive: true })
  if ('failed' in answer) return answer
  const records = recordsOf('MX', answersTo(question, answer.answers)).map(({ data }) => data)
  if (records.length === 0) return [{ preference: 0, exchange: domain }]
  return records.toSorted((one, other) => one.preference - other.preference)
}
