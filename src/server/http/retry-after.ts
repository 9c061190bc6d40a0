const spreadS = 4

/** Seconds of a Retry-After, from `least` on: those who were refused together do not come back together. */
export function retryAfterS(least: number): number {
  return least + Math.floor(Math.random() * (spreadS + 1))
}
