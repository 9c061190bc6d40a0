import type { HostTimes } from '../../store/fleet-store.ts'
import type { Presence } from '../agent/presence.ts'
import { twinMs } from '../agent/twin-told.ts'
import { silenceMs } from '../job/reap.ts'

/** What hosts are judged by at this time. `silentKnownAt`: a control plane that was away could hear nobody until then; null: it could. */
export function hostTimes(
  presence: Pick<Presence, 'since'>,
  at: number,
): HostTimes & { readonly silentKnownAt: number | null } {
  const knownAt = presence.since(null) + silenceMs
  return { silentBefore: at - silenceMs, twinSince: at - twinMs, silentKnownAt: knownAt > at ? knownAt : null }
}
