const perSecond = 50
const burst = 100

/** A token bucket per key: 50 requests a second, 100 at once (protocol §1). */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  /** Seconds until the next request may come; 0: it may. `now` in milliseconds. */
  take(key: string, now: number): number {
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
    const isFree = tokens >= 1
    if (this.#buckets.size > 10_000) this.#buckets.clear()
    this.#buckets.set(key, { tokens: isFree ? tokens - 1 : tokens, at: now })
    return isFree ? 0 : 1
  }
}
