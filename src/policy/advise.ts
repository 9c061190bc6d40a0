import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { adviseOnDane } from './advise-on-dane.ts'
import { adviseOnNames } from './advise-on-names.ts'
import { adviseOnSuccession } from './advise-on-succession.ts'
import { adviseOnWorse, type Judge } from './advise-on-worse.ts'
import type { Live } from './live.ts'

/** What the policy says of what may be a mistake. */
export type Advice = Pick<
  PolicyConfig,
  'unreadPaths' | 'uncoveredNames' | 'unrelatedNames' | 'missingChain' | 'keyType' | 'worse' | 'dane' | 'resolvers'
>

/**
 * What is allowed and may still be a mistake, each a warning, or refused where the policy says so: PATH_NOT_READ, NAMES_UNRELATED,
 * NAME_NOT_COVERED, CHAIN_MISSING, RSA_KEY_LOST, TRUST_LOST, CERTIFICATE_OLDER, DANE_MISMATCH.
 */
export async function advise(
  plan: Plan,
  material: Material,
  live: Live,
  policy: Advice,
  judge: Judge,
): Promise<readonly string[]> {
  const leaf = live.certificates[0] ?? null
  const warnings = [
    ...adviseOnPaths(plan, policy.unreadPaths),
    ...adviseOnNames(plan, material, leaf, policy),
    ...adviseOnSuccession(material, live, policy),
    ...adviseOnWorse(material, live, policy, judge),
  ]
  return [...warnings, ...(await adviseOnDane(plan, material, live, policy, judge))]
}

/** The same policy where root's own word stands for it: what it would refuse is a warning. */
export function warnOnly(policy: PolicyConfig): PolicyConfig {
  return {
    ...policy,
    unreadPaths: 'warn',
    uncoveredNames: 'warn',
    unrelatedNames: 'warn',
    missingChain: 'warn',
    keyType: 'warn',
    worse: 'warn',
    unfit: 'warn',
    dane: policy.dane === 'off' ? 'off' : 'warn',
  }
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
