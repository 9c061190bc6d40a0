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

/** TLSA records that will not match: warnings, or DANE_MISMATCH with the record to publish. A DNS failure holds nothing. */
export async function adviseOnDane(
  plan: Plan,
  material: Material,
  live: Certificate | null,
  { dane, resolvers }: Pick<PolicyConfig, 'dane' | 'resolvers'>,
): Promise<readonly string[]> {
  if (dane === 'off') return []
  const lookups = lookupsOf(plan, material, live)
  const servers = resolversOf(resolvers)
  const answers = await Promise.all(
    lookups
      .slice(0, mostLookups)
      .map(async (lookup) => ({ ...lookup, answer: await askTlsa(ownerOf(lookup), servers) })),
  )
  const mismatches = answers
    .filter(({ answer }) => 'records' in answer && answer.records.length > 0 && !matchesTlsa(material, answer.records))
    .map(({ name, port }) => ({ owner: ownerOf({ name, port }), publish: tlsaToPublish(material, name, port) }))
  if (dane === 'hold' && mismatches.length > 0) {
    throw new WaxsealError('DANE_MISMATCH', {
      publish: mismatches.map(({ publish }) => publish),
      setting: 'policy.dane',
    })
  }
  const unanswered = answers.flatMap(({ answer, ...lookup }) =>
    'failed' in answer ? [`${ownerOf(lookup)} (${answer.failed})`] : [],
  )
  return [
    ...mismatches.map(
      ({ owner, publish }) =>
        `No TLSA record of ${owner} matches the new pair: DANE senders will refuse it. Publish: ${publish}`,
    ),
    ...(unanswered.length === 0 ? [] : [`No answer about the TLSA records of ${unanswered.join(', ')}.`]),
    ...(lookups.length <= mostLookups
      ? []
      : [`Only the first ${mostLookups} of ${lookups.length} TLSA owner names were asked about.`]),
  ]
}

/** The probes' names come first. The live ones count too: DANE-EE ignores names (RFC 7671 §5.1), so a wildcard may follow them. */
function lookupsOf({ probes }: Plan, { leaf }: Material, live: Certificate | null): readonly Lookup[] {
  const asked = probes.flatMap(({ servername }) => (servername === null ? [] : [servername]))
  const names = [...asked, ...leaf.names, ...(live?.names ?? [])]
    .map((name) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(name) && !/^[\d.]+$/.test(name))
  const ports = [...new Set(probes.map(({ port }) => port))]
  return [...new Set(names)].flatMap((name) => ports.map((port) => ({ name, port })))
}

function ownerOf({ name, port }: Lookup): string {
  return `_${port}._tcp.${name}`
}
