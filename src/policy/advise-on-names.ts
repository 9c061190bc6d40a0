import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { isSelfSigned } from '../material/arrange-chain.ts'
import type { Certificate, Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { coversName, shareName } from './related-names.ts'

/** Names of the live certificate and of listeners that the new one lacks: warnings, or NAMES_UNRELATED or NAME_NOT_COVERED. */
export function adviseOnNames(
  plan: Plan,
  { leaf }: Material,
  live: Certificate | null,
  policy: Pick<PolicyConfig, 'unrelatedNames' | 'uncoveredNames'>,
): readonly string[] {
  const asked = askedFor(plan)
  return [
    ...adviseOnKinship(leaf, live, asked, policy.unrelatedNames),
    ...adviseOnCover(leaf, [...(live?.names ?? []), ...asked], policy.uncoveredNames),
  ]
}

/** What the listeners are asked for, by the daemon's settings and by the target's own probes; patterns, too. */
function askedFor({ wiring, probes }: Plan): readonly string[] {
  if (wiring === null) return []
  return [...probes.flatMap(({ servername }) => (servername === null ? [] : [servername])), ...wiring.names]
}

/** The one that a distribution or a person made to begin with is self-signed: any real one may follow it. */
function adviseOnKinship(
  leaf: Certificate,
  live: Certificate | null,
  asked: readonly string[],
  mode: 'refuse' | 'warn',
): readonly string[] {
  if (live === null || live.names.length === 0 || isSelfSigned(live)) return []
  if (shareName(leaf.names, live.names) || shareName(leaf.names, asked)) return []
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
