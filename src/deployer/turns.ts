import { WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import { lockHolder, tryLock } from '../host/file/file-lock.ts'

/** Lets one process at a time change files: the agent, or a person's `waxseal deploy`, `rollback`, `recover` or `forget`. */
export interface Turns {
  /** Waits for the others, then works. STATE_BUSY names the process that never ended. */
  take<T>(work: () => Promise<T>): Promise<T>
  /** Whether no other process has its turn at this moment. */
  areFree(): boolean
}

const lookMs = 100
const longestMs = 10 * 60_000

/** The turns of all processes that share this lock file. Within one process the works follow one another, too. */
export function openTurns(lockFile: string, clock: Clock): Turns {
  let last: Promise<unknown> = Promise.resolve()
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    const until = clock.now() + longestMs
    let lock = tryLock(lockFile)
    while (lock === null) {
      if (clock.now() > until) throw await busy(lockFile)
      await clock.sleep(lookMs)
      lock = tryLock(lockFile)
    }
    try {
      return await work()
    } finally {
      lock.release()
    }
  }
  return {
    take: (work) => {
      const turn = last.then(() => alone(work))
      last = turn.catch(() => {})
      return turn
    },
    areFree: () => {
      const lock = tryLock(lockFile)
      lock?.release()
      return lock !== null
    },
  }
}

/** STATE_BUSY, with the process that holds the lock. */
export async function busy(lockFile: string): Promise<WaxsealError> {
  const pid = await lockHolder(lockFile)
  return new WaxsealError('STATE_BUSY', { lock: lockFile, pid: pid ?? 'unknown' })
}
