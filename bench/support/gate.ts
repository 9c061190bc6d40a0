/** Where the agent waits before each poll, so that no polling interval is measured. */
export class Gate {
  #arrived = Promise.withResolvers<void>()
  #opened = Promise.withResolvers<void>()
  #stays = false

  /** The agent's side: waits until the gate is opened. */
  async pass(): Promise<void> {
    if (this.#stays) return
    this.#arrived.resolve()
    await this.#opened.promise
  }

  /** Resolves when the agent waits. */
  async arrival(): Promise<void> {
    await this.#arrived.promise
  }

  /** Lets the agent through once. */
  open(): void {
    const opened = this.#opened
    this.#arrived = Promise.withResolvers<void>()
    this.#opened = Promise.withResolvers<void>()
    opened.resolve()
  }

  /** Lets the agent through until `close`. */
  stayOpen(): void {
    this.#stays = true
    this.open()
  }

  close(): void {
    this.#stays = false
  }
}
