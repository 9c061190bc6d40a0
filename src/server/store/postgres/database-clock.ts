import type { Database } from '../database.ts'

const goodForMs = 10_000

/** The clock of the database, asked every ten seconds; between, and until it answers, this process counts the time that passes, not its own clock. `monotonicMs`: a clock that nobody sets. */
export function databaseClock(
  query: Database['query'],
  monotonicMs: () => number = () => performance.now(),
): () => Promise<number> {
  let askedAt = Number.NEGATIVE_INFINITY
  let offset: Promise<number> | null = null
  const ask = async (): Promise<number> => {
    const before = monotonicMs()
    const [row] = await query('SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now')
    return Number(row?.['now']) - (before + monotonicMs()) / 2
  }
  return async () => {
    if (offset === null || monotonicMs() - askedAt > goodForMs) {
      askedAt = monotonicMs()
      const asked = ask()
      // Who has a connection must not wait for another one: where all of them are taken by such, none would come free.
      if (offset === null) offset = asked
      asked.then(
        () => {
          offset = asked
        },
        () => {
          if (offset === asked) offset = null
        },
      )
    }
    return Math.round(monotonicMs() + (await offset))
  }
}
