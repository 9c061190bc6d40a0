import type { Config } from '../../config/config.ts'

const settings = [
  'controlPlane',
  'stateDir',
  'keyDir',
  'foreignKeyDir',
  'status',
  'driftWatch',
  'discovery',
  'notify',
  'mtaSts',
  'connectors',
] as const

/** What of a changed configuration the courier takes at its next start alone, as people write it. `isWaiting`: it has no control plane yet. */
export function needRestart(current: Config, next: Config, isWaiting: boolean): readonly string[] {
  const isOther = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)
  const changed = settings.filter((key) => (key !== 'controlPlane' || !isWaiting) && isOther(current[key], next[key]))
  const [before, after] = [current.policy, next.policy]
  // The deployer reads them anew. The courier looks at other domains by them, too.
  const looks = before.look !== null || current.mtaSts.domains !== null
  // The control plane is told at the start whether this host answers challenges.
  const answersAnew = !isWaiting && (before.acme.http === null) !== (after.acme.http === null)
  return [
    ...changed,
    ...(isOther(before.look, after.look) ? ['policy.look'] : []),
    ...(answersAnew ? ['policy.acme.http'] : []),
    ...(looks && isOther(before.resolvers, after.resolvers) ? ['policy.resolvers'] : []),
  ]
}
