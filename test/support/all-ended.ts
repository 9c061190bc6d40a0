/**
 * As `Promise.all`, but a failure waits until the others have ended, too: what a test removes after it, nobody writes into any more,
 * and the first failure is what is told.
 */
export async function allEnded<T>(running: readonly Promise<T>[]): Promise<readonly T[]> {
  const ends = await Promise.allSettled(running)
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}
