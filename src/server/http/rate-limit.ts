const perSecond = 50
const burst = 100
const mostKeys = 10_000
/** So long after its last request a bucket is full again, and says nothing any more. */
const fullAgainMs = (burst / perSecond) * 1000
/** For all who come while there is no room. */
const others = ''

interface Bucket {
  readonly tokens: number
  readonly at: number
}

/**
 * A token bucket per key: 50 requests a second, 100 at once (protocol §1). At most 10,000 buckets; one is forgotten when it is full
 * again and never before, so that nobody gets rid of an empty one, and a flood of new keys shares one bucket.
 */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>()

  /** Whether the next request may come, which is counted then. `now` in milliseconds. */
  take(key: string, now: number): boolean {
    const mine = this.#keyOf(key, now)
    const tokens = this.#tokens(mine, now)
    const isFree = tokens >= 1
    // The order of the map is that of the last use.
    this.#buckets.delete(mine)
    this.#buckets.set(mine, { tokens: isFree ? tokens - 1 : tokens, at: now })
    return isFree
  }

  /** The same, without counting. */
  isFree(key: string, now: number): boolean {
    return this.#tokens(this.#keyOf(key, now), now) >= 1
  }

  #keyOf(key: string, now: number): string {
    if (this.#buckets.has(key)) return key
    for (const [oldest, { at }] of this.#buckets) {
      // A clock that was set back would keep them for ever.
      if (now >= at && now - at < fullAgainMs) break
      this.#buckets.delete(oldest)
    }
    return this.#buckets.size < mostKeys ? key : others
  }

  #tokens(key: string, now: number): number {
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
  }
}
