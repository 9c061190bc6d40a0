const perSecond = 50
const burst = 100
const mostKeys = 10_000

interface Bucket {
  readonly tokens: number
  readonly at: number
}

/** A token bucket per key: 50 requests a second, 100 at once (protocol §1). Of more keys than 10,000 the longest unused is forgotten. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>()

  /** Seconds until the next request may come; 0: it may, and is counted. `now` in milliseconds. */
  take(key: string, now: number): number {
    const tokens = this.#tokens(key, now)
    const isFree = tokens >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: isFree ? tokens - 1 : tokens, at: now })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > mostKeys && oldest !== undefined) this.#buckets.delete(oldest)
    return isFree ? 0 : 1
  }

  /** The same, without counting. */
  wait(key: string, now: number): number {
    return this.#tokens(key, now) >= 1 ? 0 : 1
  }

  #tokens(key: string, now: number): number {
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
  }
}
