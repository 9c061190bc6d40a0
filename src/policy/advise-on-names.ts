import type { PolicyConfig } from '../config/config.ts'
import { coversName } from '../dns/covers-name.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { isSelfSigned } from '../material/arrange-chain.ts'
import type { Certificate, Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { shareName } from './related-names.ts'

/** Names of the live certificate and of listeners that the new one lacks: warnings, or NAMES_UNRELATED or NAME_NOT_COVERED. */
export function adviseOnNames(
  plan: Plan,
  { leaf }: Material,
  live: Certificate | null,
  policy: Pick<PolicyConfig, 'unrelatedNames' | 'uncoveredNames'>,
): readonly string[] {
  const listeners = plan.wiring?.names ?? []
  return [
    ...adviseOnKinship(leaf, live, listeners, policy.unrelatedNames),
    ...adviseOnCover(leaf, [...(live?.names ?? []), ...probedFor(plan), ...listeners], policy.uncoveredNames),
  ]
}

/** A probe may ask for a name of the new certificate alone: it proves no kinship. */
function probedFor({ wiring, probes }: Plan): readonly string[] {
  return wiring === null ? [] : probes.flatMap(({ servername }) => (servername === null ? [] : [servername]))
}

/** The one that a distribution or a person made to begin with is self-signed: any real one may follow it. */
function adviseOnKinship(
  leaf: Certificate,
  live: Certificate | null,
  listeners: readonly string[],
  mode: 'refuse' | 'warn',
): readonly string[] {
  if (live === null || live.names.length === 0 || isSelfSigned(live)) return []
  if (shareName(leaf.names, live.names) || shareName(leaf.names, listeners)) return []
  if (mode === 'refuse')
    throw new WaxsealError('NAMES_UNRELATED', {
      names: leaf.names,
      live: live.names,
      hint: 'If it is meant for this daemon: waxseal deploy --force, on this host.',
      setting: 'policy.unrelated_names',
    })
  return [`The new certificate shares no name with the live one, which is for ${live.names.join(', ')}.`]
}

function adviseOnCover(leaf: Certificate, served: readonly string[], mode: 'refuse' | 'warn'): readonly string[] {
  const missing = [...new Set(served)].filter((name) => !leaf.names.some((pattern) => coversName(pattern, name)))
  if (missing.length === 0) return []
  if (mode === 'refuse')
    throw new WaxsealError('NAME_NOT_COVERED', { names: missing, setting: 'policy.uncovered_names' })
  return [`The new certificate does not cover ${missing.join(', ')}, which this host serves.`]
}
