import type { Store } from '../store/store.ts'
import { leaseMs } from './job/claim-work.ts'
import type { Parts } from './parts.ts'

/** After a longer silence of all servers the silence of agents begins anew; so it does where the clock is set back by more. */
const gapMs = 60_000

/**
 * Notes that a server runs. Where the clock was set back, all that was planned by the time that is no more is looked at now: it would
 * wait until that time comes again, which may be years. Returns whether it was.
 */
export async function keepTime({ store, presence }: Pick<Parts, 'store' | 'presence'>): Promise<boolean> {
  const now = await store.now()
  const isSetBack = await noteAlive(store, now, presence.isAheadOf(now + gapMs))
  if (isSetBack) presence.setBack(now)
  return isSetBack
}

/** The same before there is any presence. */
export function noteAlive(store: Store, now: number, isAhead = false): Promise<boolean> {
  return store.transaction(async (inside) => {
    const wasAhead = await inside.server.alive(now, gapMs)
    if (wasAhead || isAhead) await inside.server.forgetFuture(now, now + leaseMs)
    return wasAhead || isAhead
  })
}
