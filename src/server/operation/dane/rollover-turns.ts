import { advanceRollover, type RolloverParts } from './advance-rollovers.ts'

const mostAtOnce = 32

/** The targets that this server looks at now. */
export class RolloverTurns {
  readonly #parts: RolloverParts
  readonly #busy = new Map<string, Promise<void>>()
  #failures: readonly unknown[] = []

  constructor(parts: RolloverParts) {
    this.#parts = parts
  }

  /** Begins what is due, and waits for a free place alone: a zone that is slow holds up no other. Fails as what it has begun before did. */
  async begin(): Promise<void> {
    const { store } = this.#parts
    const begun = new Set<string>()
    for (;;) {
      // Those at the front may be under way, and not be put off yet.
      const due = await store.rollovers.due(await store.now(), 2 * mostAtOnce)
      const next = due.filter((id) => !this.#busy.has(id) && !begun.has(id))
      if (next.length === 0) return this.#fail()
      for (const id of next) {
        if (this.#busy.size >= mostAtOnce) await Promise.race(this.#busy.values())
        begun.add(id)
        this.#busy.set(id, this.#turn(id))
      }
    }
  }

  /** Waits for what was begun. Fails as it did. */
  async end(): Promise<void> {
    await Promise.all(this.#busy.values())
    this.#fail()
  }

  async #turn(id: string): Promise<void> {
    try {
      await advanceRollover(this.#parts, id)
    } catch (error) {
      this.#failures = [...this.#failures, error]
    } finally {
      this.#busy.delete(id)
    }
  }

  #fail(): void {
    const [first] = this.#failures
    this.#failures = []
    if (first !== undefined) throw first
  }
}
