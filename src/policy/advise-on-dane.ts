import type { PolicyConfig } from '../config/config.ts'
import type { TlsaRecord } from '../dns/record.ts'
import { askTlsa, resolversOf } from '../dns/tlsa.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Certificate, Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import type { Judge } from './advise-on-worse.ts'
import { matchesTlsa, tlsaToPublish } from './dane.ts'
import type { Live } from './live.ts'

const mostLookups = 50

interface Lookup {
  readonly name: string
  readonly port: number
}

/** A name with records of which none matches. */
export interface TlsaMismatch {
  readonly owner: string
  readonly records: readonly TlsaRecord[]
  /** The one to publish, as a line of a zone. */
  readonly publish: string
}

/** What the resolver says of the records of a pair. */
export interface TlsaAdvice {
  /** Some of the names have records. */
  readonly hasRecords: boolean
  readonly mismatches: readonly TlsaMismatch[]
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
    mismatches: answers.flatMap(({ name, port, answer }) => {
      const records = 'records' in answer ? answer.records : []
      if (records.length === 0 || matchesTlsa(material, records)) return []
      return [{ owner: ownerOf({ name, port }), records, publish: tlsaToPublish(material, name, port) }]
    }),
    unanswered: answers.flatMap(({ answer, ...lookup }) =>
      'failed' in answer ? [`${ownerOf(lookup)} (${answer.failed})`] : [],
    ),
    names: lookups.length,
    asked: answers.length,
  }
}

/**
 * TLSA records that will not match: warnings, or DANE_MISMATCH with the record to publish. A DNS failure holds nothing. What the host has
 * renewed by itself waits, as long as the live pair is good, where a record matches that pair and none the new one: nobody was asked.
 */
export async function adviseOnDane(
  plan: Plan,
  material: Material,
  live: Pick<Live, 'certificates'>,
  { dane, resolvers }: Pick<PolicyConfig, 'dane' | 'resolvers'>,
  { isOwn = false, now }: Pick<Judge, 'isOwn' | 'now'>,
): Promise<readonly string[]> {
  if (dane === 'off') return []
  const { mismatches, unanswered, names, asked } = await askAboutTlsa(
    plan,
    material,
    live.certificates[0]?.names ?? [],
    resolvers,
  )
  const publish = mismatches.map((mismatch) => mismatch.publish)
  if (dane === 'hold' && publish.length > 0)
    throw new WaxsealError('DANE_MISMATCH', { publish, setting: 'policy.dane' })
  const until = isOwn ? keptUntil(live, mismatches) : null
  if (until !== null && now < until)
    throw new WaxsealError('DANE_MISMATCH', { publish, until: new Date(until).toISOString(), hint: waits })
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

/** Until when the live pair is better than one that matches no record, in milliseconds since 1970; null: no record matches that either. */
function keptUntil(
  { certificates: [leaf, ...chain] }: Pick<Live, 'certificates'>,
  mismatches: readonly TlsaMismatch[],
): number | null {
  if (leaf === undefined) return null
  return mismatches.some(({ records }) => matchesTlsa({ leaf, chain }, records)) ? nearEndOf(leaf) : null
}

/** The end of a certificate is near so long before it, in milliseconds, and for so large a share of its life at most: some tries fall into that. */
const nearMs = 12 * 60 * 60_000
const nearShare = 1 / 15

function nearEndOf({ notBefore, notAfter }: Certificate): number {
  const [from, to] = [Date.parse(notBefore), Date.parse(notAfter)]
  return to - Math.min(nearMs, (to - from) * nearShare)
}

const waits =
  'This host has renewed by itself, and a record matches the live pair: that stays until then, and the new one is deployed whatever the records say.'

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
