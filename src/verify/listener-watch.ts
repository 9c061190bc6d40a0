/** The looks of all probes at one address that saw what they should: who answers there is the same for each of their names. */
export class ListenerWatch {
  #agreed = 0

  /** How many have agreed so far. */
  get agreed(): number {
    return this.#agreed
  }

  note(): void {
    this.#agreed += 1
  }
}
