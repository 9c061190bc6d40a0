/**
 * Work that is never done twice at once: however often it is asked for while it is under way, it is done once more after that.
 * `work` does not reject.
 */
export class Coalesced {
  readonly #work: () => Promise<void>
  #under: Promise<void> | null = null
  #again = false

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  get isUnderWay(): boolean {
    return this.#under !== null
  }

  ask(): void {
    if (this.#under === null) this.#under = this.#run()
    else this.#again = true
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    while (this.#under !== null) await this.#under
  }

  async #run(): Promise<void> {
    do {
      this.#again = false
      await this.#work()
    } while (this.#again)
    this.#under = null
  }
}
