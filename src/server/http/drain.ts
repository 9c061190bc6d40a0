/** Who asks for `/readyz` does it so often at least. */
const askedLatelyMs = 30_000
/** So often a load balancer asks before it believes: haproxy's default. */
const enough = 3
/** One that asks more seldom finds the port closed. */
const longestMs = 10_000
/** What it has sent before it heard the last answer is on its way for so long. */
const onTheWayMs = 1000

/** The way to the end of a server that others stand beside. */
export class Drain {
  #isBegun = false
  #askedAt = Number.NEGATIVE_INFINITY
  #told = 0
  readonly #allTold = Promise.withResolvers<void>()

  /** From now on it is not ready, and each answer ends its connection. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Somebody asks whether this server is ready; true: it is told that it ends. */
  ask(): boolean {
    this.#askedAt = performance.now()
    if (!this.#isBegun) return false
    this.#told += 1
    if (this.#told >= enough) this.#allTold.resolve()
    return true
  }

  /** Resolves when who asked lately has been told: until then connections are taken. */
  async begin(): Promise<void> {
    this.#isBegun = true
    if (performance.now() - this.#askedAt > askedLatelyMs) return
    const late = setTimeout(this.#allTold.resolve, longestMs)
    await this.#allTold.promise
    clearTimeout(late)
    await new Promise((resolve) => setTimeout(resolve, onTheWayMs))
  }
}
