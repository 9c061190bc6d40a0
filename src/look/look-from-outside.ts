import { type LookedAddress, type LookedExchange, type LookReport, lookBounds } from '../control-plane/look-report.ts'
import { addressesOf } from '../dns/addresses-of.ts'
import { mailExchanges } from '../dns/mail-exchanges.ts'
import { askTlsa } from '../dns/tlsa.ts'
import { addressSet } from '../host/socket/address-set.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { isPublicAddress } from '../host/socket/guarded-lookup.ts'
import { lookAtAddress } from './look-at-address.ts'

/** What a look goes by. */
export interface LookParts {
  readonly resolvers: readonly DnsServer[]
  /** Networks that may be connected to beside public addresses: the host's policy names them. */
  readonly networks: readonly string[]
  /** PEM. */
  readonly roots: readonly string[]
  readonly now: () => number
}

/** Addresses that stand for IPv4 ones, which nobody judges: NAT64, 6to4, Teredo. */
const translated = addressSet(['64:ff9b::/96', '2002::/16', '2001::/32'])
/** Of one look: a hostile domain has as many records as it likes. */
const mostConnections = 10

/**
 * Looks at the mail of a domain as a sender does: its MX, each address of these, STARTTLS at port 25, the chain, the names, TLSA records. No
 * other port, no inner address unless `networks` has it, ten connections at most. The address that was judged is the one that is connected to. Never throws.
 */
export async function lookFromOutside(domain: string, parts: LookParts): Promise<LookReport> {
  const report = { v: 1, domain, at: new Date(parts.now()).toISOString() } as const
  const found = await exchangesOf(domain, parts.resolvers)
  if (typeof found === 'string') return { ...report, problems: [found], exchanges: [] }
  let left = mostConnections
  const exchanges: LookedExchange[] = []
  for (const exchange of found) {
    const looked = await lookAtExchange(exchange, parts, left)
    left -= looked.addresses.filter(({ skipped }) => skipped === null).length
    exchanges.push(looked)
  }
  return { ...report, problems: problemsOf(exchanges).slice(0, lookBounds.problems), exchanges }
}

interface Exchange {
  readonly name: string
  readonly preference: number
}

async function exchangesOf(domain: string, resolvers: readonly DnsServer[]): Promise<readonly Exchange[] | string> {
  const found = await mailExchanges(domain, resolvers)
  if ('failed' in found) return `The MX records of ${domain} cannot be looked up: ${found.failed}.`
  // RFC 7505.
  if (found.length === 1 && found[0]?.exchange === '') return `${domain} takes no mail: its MX is a dot.`
  return found.slice(0, lookBounds.exchanges).map(({ exchange, preference }) => ({ name: exchange, preference }))
}

async function lookAtExchange(exchange: Exchange, parts: LookParts, most: number): Promise<LookedExchange> {
  const { resolvers, networks, roots } = parts
  const { name } = exchange
  const tlsa = await askTlsa(`_25._tcp.${name}`, resolvers)
  const records = 'failed' in tlsa ? [] : tlsa.records
  const secure = 'failed' in tlsa ? false : tlsa.isSecure
  const failed = 'failed' in tlsa ? tlsa.failed : null
  const allowed = addressSet(networks)
  const addresses: LookedAddress[] = []
  for (const address of (await addressesOf(name, resolvers)).slice(0, lookBounds.addresses)) {
    const mayBe = allowed.has(address) || (isPublicAddress(address) && !translated.has(address))
    const done = addresses.filter(({ skipped }) => skipped === null).length
    const skipped = !mayBe
      ? 'it is an address of an inner network, and the policy of the host that looks does not name it'
      : done >= most
        ? 'this look has made enough connections'
        : null
    // Records that nobody vouches for count for no sender.
    const counted = secure ? records : []
    addresses.push(await lookAtAddress(address, { name, roots, records: counted, skipped }))
  }
  return { ...exchange, tlsa: { count: records.length, secure, failed }, addresses }
}

function problemsOf(exchanges: readonly LookedExchange[]): readonly string[] {
  return exchanges.flatMap(({ name, tlsa, addresses }) => [
    ...(addresses.length === 0 ? [`${name} has no address.`] : []),
    ...(tlsa.failed === null
      ? []
      : [`The TLSA records of ${name} cannot be looked up: ${tlsa.failed}. Senders with DANE wait.`]),
    ...(tlsa.count > 0 && !tlsa.secure
      ? [
          `The TLSA records of ${name} are not vouched for by DNSSEC, as far as this host sees: senders take no notice of them.`,
        ]
      : []),
    ...addresses.flatMap((address) => problemsAt(name, address)),
  ])
}

function problemsAt(name: string, looked: LookedAddress): readonly string[] {
  const { address, skipped, error, distrust, coversName, matchesTlsa, notAfter } = looked
  const at = `${name} (${address})`
  if (skipped !== null) return [`${at} was not looked at: ${skipped}.`]
  if (error !== null) return [`${at} shows no certificate: ${error}.`]
  if (matchesTlsa === false)
    return [`${at} serves a certificate that matches none of its TLSA records: senders with DANE deliver nothing.`]
  // With DANE-EE the name and the issuer are nobody's concern (RFC 7672).
  if (matchesTlsa === true) return []
  return [
    ...(distrust === null
      ? []
      : [`${at} serves a chain that this host does not trust (${distrust}), which ends ${notAfter}.`]),
    ...(coversName ? [] : [`${at} serves a certificate that is not for ${name}.`]),
  ]
}
