const firstMs = 1000

/**
 * A server that signs in the background may have the deployments later than is waited for: the polls after that come soon, each after
 * twice the wait of the one before, until that is the usual one.
 */
export class Hurry {
  #waitMs = Number.POSITIVE_INFINITY

  /** The wait until the next poll, in milliseconds, after a turn that left so many certificates still being signed. */
  next(awaited: number, usualMs: number): number {
    this.#waitMs = awaited > 0 ? firstMs : this.#waitMs * 2
    return Math.min(this.#waitMs, usualMs)
  }
}
