import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import type { Call, Send } from './request.ts'

/**
 * The credentials that may be good: one that was exchanged, the one before it, the configured one. A call that is refused with 401 did
 * nothing, and is made again with the next.
 */
export class Credentials {
  readonly #send: Send
  readonly #configured: string
  #known: readonly string[]
  #proven: string | null = null

  constructor(send: Send, configured: string) {
    this.#send = send
    this.#configured = configured
    this.#known = [configured]
  }

  /** The one that the server took last; null: none yet. */
  get proven(): string | null {
    return this.#proven
  }

  /** From now on these come first. A server that was restored from a backup may know the configured one alone. */
  offer(secrets: readonly string[]): void {
    this.#known = [...new Set([...secrets, this.#configured])]
    if (this.#known[0] !== this.#proven) this.#proven = null
  }

  /** Throws what the call with the first of them came to, where all are refused. */
  readonly send: Send = async (call: Call) => {
    const tried = new Set<string>()
    let first: WaxsealError | null = null
    for (;;) {
      const credential = this.#known.find((known) => !tried.has(known))
      if (credential === undefined) throw first ?? new Error('there is no credential')
      tried.add(credential)
      try {
        const answer = await this.#send({ ...call, credential })
        this.#prove(credential, tried.size > 1)
        return answer
      } catch (error) {
        const coded = asWaxsealError(error)
        first ??= coded
        if (coded.details['status'] !== 401) throw coded
      }
    }
  }

  /** Where those before it were refused it comes first. The late answer to a call that began with an older one says nothing of a newer one. */
  #prove(credential: string, isOnlyGood: boolean): void {
    if (isOnlyGood) this.#known = [credential, ...this.#known.filter((known) => known !== credential)]
    if (this.#known[0] === credential) this.#proven = credential
  }
}
