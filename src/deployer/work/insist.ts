import { WaxsealError } from '../../error/waxseal-error.ts'
import { isStorage } from '../../host/file/files.ts'
import type { Reserve } from '../../host/file/write/reserve.ts'

/** Writes, into the space of the reserve where there is no other. SPOOL_FULL: not even that was possible. */
export async function insist<T>(reserve: Pick<Reserve, 'release'>, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isStorage(error)) throw error
    await reserve.release()
    return write().catch((again: unknown) => {
      throw isStorage(again) ? full((again as Error).message) : again
    })
  }
}

/** SPOOL_FULL, for this reason. */
export function full(reason: string): WaxsealError {
  return new WaxsealError('SPOOL_FULL', { reason })
}
