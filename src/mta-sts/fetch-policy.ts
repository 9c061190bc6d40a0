import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { addressesOf } from '../dns/addresses-of.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { isPublicAddress, lookupOf } from '../host/socket/guarded-lookup.ts'
import { httpExchange } from '../host/socket/http-exchange.ts'
import { systemRoots } from '../host/system-roots.ts'
import { readPolicy, type StsPolicy } from './sts-policy.ts'

/** RFC 8461 §3.2 and §3.3: a minute, 64 kilobytes. */
const timeoutMs = 20_000
const mostBytes = 65_536

/** Where the policies of all domains are fetched from. For tests. */
export interface PolicyHost {
  readonly address: string
  readonly port: number
  /** PEM. */
  readonly ca: string
}

/** Whom names are asked of; `policyHost` left out: policies are fetched from each domain's own host, by the system's roots. */
export interface PolicySource {
  readonly resolvers: readonly DnsServer[]
  readonly policyHost?: PolicyHost
}

/**
 * Fetches the policy of a domain as a sender does: from `mta-sts.` and its name, with a certificate for that name, and no redirect followed.
 * A domain is somebody else's: its host is connected to at public addresses alone. A text: why there is none, the rest of a sentence that
 * begins with its URL.
 */
export async function fetchPolicy(
  domain: string,
  { resolvers, policyHost: at }: PolicySource,
): Promise<StsPolicy | string> {
  const host = `mta-sts.${domain}`
  const found = at === undefined ? await addressesOf(host, resolvers) : []
  const open = found.filter(isPublicAddress)
  if (at === undefined && open.length === 0)
    return found.length === 0
      ? `cannot be fetched: ${host} has no address, or the DNS does not answer`
      : `cannot be fetched: ${host} leads to an inner network from here (${found.slice(0, 3).join(', ')}). Senders see it from outside: name a resolver in policy.resolvers that answers as they see it`
  const connect = connectTls({
    allowH2: false,
    timeout: timeoutMs,
    servername: host,
    ...(at === undefined ? { ca: [...systemRoots()], lookup: lookupOf(open) } : { ca: at.ca }),
  })
  const origin = at === undefined ? `https://${host}` : `https://${at.address}:${at.port}`
  try {
    const { status, headers, body } = await httpExchange({
      url: new URL('/.well-known/mta-sts.txt', origin),
      method: 'GET',
      headers: { host, 'user-agent': 'waxseal', accept: 'text/plain' },
      body: null,
      signal: AbortSignal.timeout(timeoutMs),
      maxBytes: mostBytes,
      connect,
    })
    if (status !== 200) return `answers ${status}, which senders take for no policy`
    const type = headers['content-type'] ?? ''
    if (!/^text\/plain\b/i.test(type)) return `is of the type ${type.slice(0, 60) || 'nothing'}, and not text/plain`
    return readPolicy(body)
  } catch (error) {
    return `cannot be fetched: ${whyNoAnswer(error).reason.slice(0, 300)}`
  }
}
