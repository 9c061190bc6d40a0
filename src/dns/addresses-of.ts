import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { answersTo } from './message.ts'

/** The IPv4 addresses of a name, then those of IPv6, through aliases, each once. None: it has none, or the DNS does not answer. */
export async function addressesOf(name: string, resolvers: readonly DnsServer[]): Promise<readonly string[]> {
  const found = await Promise.all(
    (['A', 'AAAA'] as const).map(async (type) => {
      const question = { name, type } as const
      const answer = await askDns(question, resolvers, { isRecursive: true })
      if ('failed' in answer) return []
      return answersTo(question, answer.answers).flatMap((record) =>
        record.type === 'A' || record.type === 'AAAA' ? [record.data] : [],
      )
    }),
  )
  return [...new Set(found.flat())]
}
