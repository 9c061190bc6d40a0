import { Resolver } from 'node:dns/promises'
import { isCode } from '../file/files.ts'

/** One TLSA record (RFC 6698). */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  /** Lower-case hex. */
  readonly data: string
}

/** Records, or why they could not be had; `none`: the answer was that there are none. */
export type TlsaAnswer = { readonly records: readonly TlsaRecord[] } | 'none' | { readonly failed: string }

const timeoutMs = 3000

/** Asks for `_PORT._tcp.NAME`. Never throws; each server is asked once at most, and has three seconds. */
export async function resolveTlsa(name: string, port: number, resolvers: readonly string[]): Promise<TlsaAnswer> {
  try {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 })
    if (resolvers.length > 0) resolver.setServers([...resolvers])
    const answer = await resolver.resolveTlsa(`_${port}._tcp.${name}`)
    // Node leaves a hole for each alias (CNAME) on the way, and nothing else where it leads to no TLSA: flatMap skips holes.
    const records = answer.flatMap(({ certUsage, selector, match, data }) => ({
      usage: certUsage,
      selector,
      matchingType: match,
      data: Buffer.from(data).toString('hex'),
    }))
    return records.length === 0 ? 'none' : { records }
  } catch (error) {
    if (isCode(error, 'ENODATA') || isCode(error, 'ENOTFOUND')) return 'none'
    return { failed: (error as NodeJS.ErrnoException).code ?? (error as Error).message }
  }
}
