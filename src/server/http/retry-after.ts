const spreadS = 4

/** Seconds of a Retry-After, from `least` on, within `spread` more: those who were refused together do not come back together. */
export function retryAfterS(least: number, spread = spreadS): number {
  return least + Math.floor(Math.random() * (spread + 1))
}
