import type { PolicyConfig } from '../config/config.ts'
import { askTlsa, resolversOf } from '../dns/tlsa.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Certificate, Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { matchesTlsa, tlsaToPublish } from './dane.ts'

const mostLookups = 50

interface Lookup {
  readonly name: string
  readonly port: number
}

/** What the resolver says of the records of a pair. */
export interface TlsaAdvice {
  /** Some of the names have records. */
  readonly hasRecords: boolean
  /** Names with records of which none matches, each with the one to publish. */
  readonly mismatches: readonly { readonly owner: string; readonly publish: string }[]
  /** Names of which nothing is known, and why. */
  readonly unanswered: readonly string[]
  /** How many names there are; so many at most were asked about. */
  readonly names: number
  readonly asked: number
}

/** Asks for the records at each port and name of the plan, of the pair, and of the live one (`liveNames`). */
export async function askAboutTlsa(
  plan: Plan,
  material: Material,
  liveNames: readonly string[],
  resolvers: PolicyConfig['resolvers'],
): Promise<TlsaAdvice> {
  const lookups = lookupsOf(plan, material, liveNames)
  const servers = resolversOf(resolvers)
  const answers = await Promise.all(
    lookups
      .slice(0, mostLookups)
      .map(async (lookup) => ({ ...lookup, answer: await askTlsa(ownerOf(lookup), servers) })),
  )
  return {
    hasRecords: answers.some(({ answer }) => 'records' in answer && answer.records.length > 0),
    mismatches: answers
      .filter(
        ({ answer }) => 'records' in answer && answer.records.length > 0 && !matchesTlsa(material, answer.records),
      )
      .map(({ name, port }) => ({ owner: ownerOf({ name, port }), publish: tlsaToPublish(material, name, port) })),
    unanswered: answers.flatMap(({ answer, ...lookup }) =>
      'failed' in answer ? [`${ownerOf(lookup)} (${answer.failed})`] : [],
    ),
    names: lookups.length,
    asked: answers.length,
  }
}

/** TLSA records that will not match: warnings, or DANE_MISMATCH with the record to publish. A DNS failure holds nothing. */
export async function adviseOnDane(
  plan: Plan,
  material: Material,
  live: Certificate | null,
  { dane, resolvers }: Pick<PolicyConfig, 'dane' | 'resolvers'>,
): Promise<readonly string[]> {
  if (dane === 'off') return []
  const { mismatches, unanswered, names, asked } = await askAboutTlsa(plan, material, live?.names ?? [], resolvers)
  if (dane === 'hold' && mismatches.length > 0) {
    throw new WaxsealError('DANE_MISMATCH', {
      publish: mismatches.map(({ publish }) => publish),
      setting: 'policy.dane',
    })
  }
  return [
    ...mismatches.map(
      ({ owner, publish }) =>
        `No TLSA record of ${owner} matches the new pair: DANE senders will refuse it. Publish: ${publish}`,
    ),
    ...(unanswered.length === 0 ? [] : [`No answer about the TLSA records of ${unanswered.join(', ')}.`]),
    ...(unanswered.some((one) => one.endsWith('(ENOSERVER)')) ? [nobodyToAsk] : []),
    ...(names === asked ? [] : [`Only the first ${asked} of ${names} TLSA owner names were asked about.`]),
  ]
}

const nobodyToAsk =
  'ENOSERVER: there is no DNS server to ask. Name one by its address in policy.resolvers, or in /etc/resolv.conf.'

/** The probes' names come first. The live ones count too: DANE-EE ignores names (RFC 7671 §5.1), so a wildcard may follow them. */
function lookupsOf({ probes }: Plan, { leaf }: Material, liveNames: readonly string[]): readonly Lookup[] {
  const asked = probes.flatMap(({ servername }) => (servername === null ? [] : [servername]))
  const names = [...asked, ...leaf.names, ...liveNames]
    .map((name) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(name) && !/^[\d.]+$/.test(name))
  const ports = [...new Set(probes.map(({ port }) => port))]
  return [...new Set(names)].flatMap((name) => ports.map((port) => ({ name, port })))
}

function ownerOf({ name, port }: Lookup): string {
  return `_${port}._tcp.${name}`
}
