import type { Clock } from '../../src/host/clock.ts'
import { systemClock } from '../../src/host/clock.ts'

/** The system's clock with fractions of a millisecond, so that the engine's steps carry them too. */
export const benchClock: Clock = { ...systemClock, now: () => performance.timeOrigin + performance.now() }
