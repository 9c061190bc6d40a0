/** What one leaf's renewal has had signed since the start of this process. */
interface Round {
  /** SHA-256 of its newest CSR; null: none was made. */
  readonly csr: string | null
  /** How many signatures of its order are still counted as that one, and until when. */
  readonly left: number
  readonly until: number
}

/** A nonce that was too old, and a CA that does not take what is replaced, have one order signed again. */
const signaturesAgain = 2
const roundMs = 10 * 60_000

/** By the leaf that is due. In memory: after a start one more order is counted, and the CSR is made again. */
export class OrderRounds {
  readonly #rounds = new Map<string, Round>()

  /** Whether a signature for an order of this leaf is a new order. */
  isNewOrder(leaf: string, now: number): boolean {
    const { csr = null, left = 0, until = 0 } = this.#rounds.get(leaf) ?? {}
    const isAgain = left > 0 && now < until && until - now <= roundMs
    this.#rounds.set(
      leaf,
      isAgain ? { csr, left: left - 1, until } : { csr, left: signaturesAgain, until: now + roundMs },
    )
    return !isAgain
  }

  /** The order is proven: the next one is another. */
  madeRequest(leaf: string, csr: string): void {
    this.#rounds.set(leaf, { csr, left: 0, until: 0 })
  }

  isOfRequest(csr: string): boolean {
    return [...this.#rounds.values()].some((round) => round.csr === csr)
  }

  /** Forgets those that are not due any more. */
  keep(leaves: ReadonlySet<string>): void {
    for (const leaf of this.#rounds.keys()) if (!leaves.has(leaf)) this.#rounds.delete(leaf)
  }
}
