import { randomBytes } from 'node:crypto'

/** The state of what there is to tell, by a stamp that no other state has, in this process or another. */
export class Changes {
  readonly #start = randomBytes(8).toString('hex')
  readonly #waiting = new Set<() => void>()
  #count = 0
  /** Told of each change. */
  onNote: () => void = () => {}

  get stamp(): string {
    return `${this.#start}-${this.#count}`
  }

  /** Something is other than before. */
  note(): void {
    this.#count += 1
    for (const wake of this.#waiting) wake()
    this.onNote()
  }

  /** Resolves at the next change, after `ms`, or when the signal aborts. */
  async next(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    const timer = setTimeout(wake, ms)
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await promise
    clearTimeout(timer)
    this.#waiting.delete(wake)
    signal.removeEventListener('abort', wake)
  }
}
