/** Has something last longer, time and again, until what it returns is called; that waits for what is under way. */
export function keepExtending(extend: () => Promise<void>, everyMs: number): () => Promise<void> {
  let extended: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    // A database that is away is asked again in time.
    extended = extended.then(extend).catch(() => {})
    return extended
  }, everyMs)
  return async () => {
    clearInterval(timer)
    await extended
  }
}
