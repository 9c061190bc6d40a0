import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { askDns } from './ask.ts'
import { isSameName } from './name.ts'
import { recordsOf } from './record.ts'

/** Where a name leads to. */
export interface Aliased {
  /** The name itself where it is no alias. It need not exist. */
  readonly end: string
  /** The names on the way that are aliases (CNAME), in order. */
  readonly aliases: readonly string[]
}

const mostAliases = 8

/**
 * Follows the aliases of a name, one question each: a record is published, and looked for, where they end. A failed answer is ESERVFAIL and
 * the like; ELOOP where they are more than eight, as where they lead back.
 */
export async function followAliases(
  name: string,
  resolvers: readonly DnsServer[],
): Promise<Aliased | { readonly failed: string }> {
  const aliases: string[] = []
  for (let end = name; aliases.length <= mostAliases; ) {
    const answer = await askDns({ name: end, type: 'CNAME' }, resolvers, { isRecursive: true })
    if ('failed' in answer) return answer
    const next = recordsOf('CNAME', answer.answers).find((record) => isSameName(record.name, end))
    if (next === undefined) return { end, aliases }
    aliases.push(end)
    end = next.data
  }
  return { failed: 'ELOOP' }
}
