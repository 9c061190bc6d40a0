import { type Clock, pause } from '../host/clock.ts'
import type { Member } from './member.ts'

/** A heartbeat waits no longer for a deployer that puts in order what a crash left, in milliseconds. */
const introductionMs = 5000

/** Introduces the courier, or goes on without: what fails is tried again with the next poll. */
export async function introduceSoon(member: Member, clock: Clock, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const late = pause(clock, introductionMs, AbortSignal.any([signal, over.signal]))
  await Promise.race([member.introduce().catch(() => {}), late])
  over.abort()
}
