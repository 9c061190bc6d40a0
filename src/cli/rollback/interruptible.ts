/** Runs work that Ctrl-C and the like end: its signal aborts at the first of them. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController()
  const end = (): void => ending.abort()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, end)
  try {
    return await work(ending.signal)
  } finally {
    for (const signal of signals) process.off(signal, end)
  }
}
