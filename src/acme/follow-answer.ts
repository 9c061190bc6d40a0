import { addressesOf } from '../dns/addresses-of.ts'
import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { type AddressedAnswer, askAtAddress } from '../host/socket/http-at-address.ts'
import { plainText } from '../text/plain-text.ts'
import { version } from '../version.ts'

/** What a CA asks for (RFC 8555 §8.3). */
export interface Expected {
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
}

/** How it is asked for. */
export interface AskingParts {
  readonly resolvers: readonly DnsServer[]
  /** Whether this address may be connected to: an enemy may write the records of the name, and what it redirects to. */
  readonly mayAsk: (address: string) => boolean
  /** Left out: 80 and 443. For tests. */
  readonly ports?: Readonly<Record<80 | 443, number>>
  /** Of one address, with all its redirects; default 5 s. */
  readonly timeoutMs?: number
}

/** What one address answers; `says`: the rest of a sentence that begins with the address. */
export type Verdict = { readonly is: 'right' } | { readonly is: 'wrong' | 'unreachable'; readonly says: string }

/** The CA/Browser Forum lets CAs follow these alone (Baseline Requirements, 3.2.2.4.19). */
const redirects: readonly number[] = [301, 302, 307, 308]
/** As Let's Encrypt has it. */
const mostRedirects = 10
/** Of a name that is redirected to. */
const mostAddresses = 16
/** No key authorization is longer. */
const mostBytes = 1024
const usualTimeoutMs = 5000

/** Asks for the answer at this address as a CA does, through redirects to port 80 and 443. Never throws. */
export async function followAnswer(address: string, expected: Expected, parts: AskingParts): Promise<Verdict> {
  const { name, token, keyAuthorization } = expected
  const signal = AbortSignal.timeout(parts.timeoutMs ?? usualTimeoutMs)
  let url = new URL(`http://${name.includes(':') ? `[${name}]` : name}/.well-known/acme-challenge/${token}`)
  const home = url.hostname
  let via = ''
  for (let step = 0; step <= mostRedirects && !signal.aborted; step += 1) {
    const port = portOf(url)
    if (port === null) return wrong(`${via}, which is neither port 80 nor 443: no CA follows it`)
    const there = url.hostname === home ? [address] : await addressesAt(url.hostname, parts)
    if (there.length === 0) return unreachable(`${via}, which has no address that may be asked from here`)
    const asked = { url, addresses: there, port: parts.ports?.[port] ?? port, userAgent: `waxseal/${version}` }
    const answer = await askAtAddress({ ...asked, mostBytes, signal })
    if ('failed' in answer) return whyFailed(answer, via, port)
    const { status, location, body } = answer
    const next = redirects.includes(status) ? targetOf(location, url) : null
    if (next === null) return judge(status, body, keyAuthorization, via)
    url = next
    via = `redirects to ${plainText(url.origin, 200)}`
  }
  return signal.aborted
    ? unreachable(`${via}, and takes too long`)
    : wrong(`redirects more than ${mostRedirects} times: no CA follows it`)
}

function wrong(says: string): Verdict {
  return { is: 'wrong', says }
}

function unreachable(says: string): Verdict {
  return { is: 'unreachable', says }
}

/** Null: CAs take no other. */
function portOf({ protocol, port }: URL): 80 | 443 | null {
  if (protocol !== 'http:' && protocol !== 'https:') return null
  const number = port === '' ? { 'http:': 80, 'https:': 443 }[protocol] : Number(port)
  return number === 80 || number === 443 ? number : null
}

async function addressesAt(hostname: string, parts: AskingParts): Promise<readonly string[]> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const found = isAddressOrNetwork(host) ? [host] : await addressesOf(host, parts.resolvers)
  return found.filter(parts.mayAsk).slice(0, mostAddresses)
}

function targetOf(location: string | null, from: URL): URL | null {
  return location !== null && location.length <= 2048 && URL.canParse(location, from) ? new URL(location, from) : null
}

/** Spaces at the end count for nothing (RFC 8555 §8.3). */
function judge(status: number, body: string, keyAuthorization: string, via: string): Verdict {
  const at = via === '' ? '' : `${via}, which `
  if (status !== 200) return wrong(`${at}answers ${status}`)
  return body.trimEnd() === keyAuthorization ? { is: 'right' } : wrong(`${at}answers with something else`)
}

/** Whoever refuses is there, and so is who takes the connection. All else may lie between: a CA may have a way where this server has none. */
function whyFailed(
  { failed, wasConnected }: Extract<AddressedAnswer, { failed: string }>,
  via: string,
  port: number,
): Verdict {
  const at = via === '' ? '' : `${via}, which `
  if (wasConnected)
    return wrong(`${at}takes the connection at port ${port} and gives no answer of HTTP (${plainText(failed, 100)})`)
  if (failed === 'ECONNREFUSED') return wrong(`${at}refuses the connection at port ${port}`)
  return unreachable(`${at}cannot be reached from here (${plainText(failed, 100)})`)
}
