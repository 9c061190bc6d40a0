/**
 * What the work comes to; rejects when it takes longer than `limitMs`, or than its caller waits, and tells it to stop. The
 * timer keeps the process alive: work that never ends would else be the end of it, without a word.
 */
export async function withinTime<Result>(
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  const over = Promise.withResolvers<never>()
  const stop = new AbortController()
  const end = (reason: string): void => {
    stop.abort()
    over.reject(new Error(reason))
  }
  const giveUp = (): void => end('it takes longer than its caller waits')
  const timer = setTimeout(() => end(`it takes longer than ${limitMs / 1000} s`), limitMs)
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  try {
    return await Promise.race([over.promise, (async () => work(stop.signal))()])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
  }
}
