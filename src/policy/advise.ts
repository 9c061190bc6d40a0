import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { resolveTlsa } from '../host/resolve-tlsa.ts'
import type { Certificate, Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { matchesTlsa, tlsaToPublish } from './dane.ts'

type Advice = Pick<PolicyConfig, 'unreadPaths' | 'uncoveredNames' | 'dane' | 'resolvers'>

/**
 * What is allowed and may still be a mistake: paths that nothing reads, names that are no longer covered, TLSA records
 * that will not match. Each is a warning, or refused where the policy says so: PATH_NOT_READ, NAME_NOT_COVERED, DANE_MISMATCH.
 */
export async function advise(
  plan: Plan,
  material: Material,
  live: Certificate | null,
  policy: Advice,
): Promise<readonly string[]> {
  const warnings = [
    ...adviseOnPaths(plan, policy.unreadPaths),
    ...adviseOnNames(plan, material, live, policy.uncoveredNames),
  ]
  return [...warnings, ...(await adviseOnDane(plan, material, live, policy))]
}

function adviseOnPaths({ service, wiring }: Plan, mode: Advice['unreadPaths']): readonly string[] {
  if (wiring === null) return []
  const { read, unread, untold, doubts } = wiring
  const doubtful =
    untold.length === 0 ? [] : [`It cannot be told whether ${service} reads ${untold.join(', ')}: ${doubts.join(' ')}`]
  if (unread.length === 0) return doubtful
  const details = { paths: unread, reads: read, setting: 'policy.unread_paths' }
  if (mode === 'refuse') throw new WaxsealError('PATH_NOT_READ', details)
  const reads = read.length === 0 ? 'no file at all' : read.join(', ')
  return [...doubtful, `No TLS listener of ${service} reads ${unread.join(', ')}; by its settings it reads ${reads}.`]
}

/** The names that the host serves are those of the live certificate, and those that listeners are asked for by name. */
function adviseOnNames(
  { wiring, probes }: Plan,
  { leaf }: Material,
  live: Certificate | null,
  mode: Advice['uncoveredNames'],
): readonly string[] {
  const asked = wiring === null ? [] : probes.flatMap(({ servername }) => (servername === null ? [] : [servername]))
  const served = [...new Set([...(live?.names ?? []), ...asked])]
  const missing = served.filter(
    (name) => !leaf.names.some((pattern) => covers(pattern.toLowerCase(), name.toLowerCase())),
  )
  if (missing.length === 0) return []
  if (mode === 'refuse')
    throw new WaxsealError('NAME_NOT_COVERED', { names: missing, setting: 'policy.uncovered_names' })
  return [`The new certificate does not cover ${missing.join(', ')}, which this host serves.`]
}

/** RFC 6125: a wildcard stands for the leftmost label. */
function covers(pattern: string, name: string): boolean {
  return pattern === name || (pattern.startsWith('*.') && name.slice(name.indexOf('.')) === pattern.slice(1))
}

const mostLookups = 50

interface Lookup {
  readonly name: string
  readonly port: number
}

async function adviseOnDane(
  plan: Plan,
  material: Material,
  live: Certificate | null,
  { dane, resolvers }: Advice,
): Promise<readonly string[]> {
  if (dane === 'off') return []
  const lookups = lookupsOf(plan, material, live)
  const answers = await Promise.all(
    lookups
      .slice(0, mostLookups)
      .map(async (lookup) => ({ ...lookup, answer: await resolveTlsa(lookup.name, lookup.port, resolvers) })),
  )
  const mismatches = answers
    .filter(({ answer }) => answer !== 'none' && 'records' in answer && !matchesTlsa(material, answer.records))
    .map(({ name, port }) => ({ owner: ownerOf({ name, port }), publish: tlsaToPublish(material, name, port) }))
  if (dane === 'hold' && mismatches.length > 0) {
    throw new WaxsealError('DANE_MISMATCH', {
      publish: mismatches.map(({ publish }) => publish),
      setting: 'policy.dane',
    })
  }
  const unanswered = answers.flatMap(({ answer, ...lookup }) =>
    answer !== 'none' && 'failed' in answer ? [`${ownerOf(lookup)} (${answer.failed})`] : [],
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
