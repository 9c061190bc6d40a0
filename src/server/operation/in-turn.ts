import { Refusal } from './refusal.ts'

/** In this process; what is more waits where it comes from, and asks again. */
const mostWaiting = 5000

/**
 * Work that takes milliseconds of the processor, one piece after another: between two of them all that has arrived in the
 * meantime is served, so that a thousand CSRs at once hold up no poll for longer than one of them takes.
 */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return (work) => {
    if (waiting >= mostWaiting) throw new Refusal('busy', 'too many CSRs wait to be signed; send it again')
    waiting += 1
    const mine = last
      .then(() => new Promise((resolve) => setImmediate(resolve)))
      .then(work)
      .finally(() => {
        waiting -= 1
      })
    last = mine.catch(() => {})
    return mine
  }
}
