import { Refusal } from '../refusal.ts'

/** In this process; what is more waits where it comes from, and asks again. */
const mostWaiting = 5000

/** Runs some work when it is its turn. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Work of which a thousand pieces may come at once, so many at a time and in the order in which they came. Before each one all that has
 * arrived in the meantime is served: no poll waits for more than the pieces that have begun.
 */
export function inTurn(atOnce: number): InTurn {
  const waiting: (() => void)[] = []
  let running = 0
  const next = (): void => {
    if (running >= atOnce) return
    const begin = waiting.shift()
    if (begin === undefined) return
    running += 1
    setImmediate(begin)
  }
  return async (work) => {
    if (waiting.length >= mostWaiting) throw new Refusal('busy', 'too many CSRs wait; send it again')
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      next()
    })
    try {
      return await work()
    } finally {
      running -= 1
      next()
    }
  }
}
