import type { Matter, MatterKind } from './matter.ts'

/** Of what nothing is told for a while; what is null does not matter. */
export interface Mute {
  readonly id: string
  readonly matterId: string | null
  readonly kind: MatterKind | null
  /** Names. */
  readonly agent: string | null
  readonly target: string | null
  /** Milliseconds since 1970, UTC. */
  readonly until: number
  readonly createdAt: number
  readonly createdBy: string
}

/** At a time. */
export const mostMutes = 200
/** Nobody remembers what he muted a year ago. */
export const longestMuteS = 90 * 86_400

/** Whether nothing is told of the matter now. */
export function isMutedBy(mutes: readonly Mute[], now: number): (matter: Matter) => boolean {
  const active = mutes.filter(({ until }) => until > now)
  return ({ id, kind, agent, target }) =>
    active.some(
      (mute) =>
        fits(mute.matterId, id) && fits(mute.kind, kind) && fits(mute.agent, agent) && fits(mute.target, target),
    )
}

function fits(wanted: string | null, value: string | null): boolean {
  return wanted === null || wanted === value
}
