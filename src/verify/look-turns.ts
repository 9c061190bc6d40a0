/** A daemon that starts a process for each connection, as Postfix does, starts no more than these: the rest meets them again. */
const mostAtOnce = 12

/** A look that takes longer keeps no other waiting: a server that hangs must not make a long verification of many names. In milliseconds. */
export const longestTurnMs = 500

interface Address {
  busy: number
  readonly waiting: (() => void)[]
}

/** Looks at one address take turns, those at different addresses do not wait for one another. */
export class LookTurns {
  readonly #addresses = new Map<string, Address>()

  /** Begins the work when there is room at the address, the first come first. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const address = this.#addresses.get(name) ?? { busy: 0, waiting: [] }
    this.#addresses.set(name, address)
    if (address.busy >= mostAtOnce) await new Promise<void>((resolve) => void address.waiting.push(resolve))
    else address.busy += 1
    const pass = once(() => {
      const next = address.waiting.shift()
      if (next === undefined) address.busy -= 1
      else next()
    })
    const late = setTimeout(pass, longestTurnMs)
    try {
      return await work()
    } finally {
      clearTimeout(late)
      pass()
    }
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}
