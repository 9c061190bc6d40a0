import type { Database } from '../database.ts'
import type { ServerFacts } from '../store.ts'

/** What servers share over SQL: rows of `meta`. */
export function sqlServerFacts(db: Database): ServerFacts {
  const get = (inside: Database) => async (name: string) => {
    const [row] = await inside.query('SELECT value FROM meta WHERE name = $1', [name])
    return row === undefined ? null : String(row['value'])
  }
  const set = (inside: Database) => async (name: string, value: string) => {
    await inside.query(
      'INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [name, value],
    )
  }
  return {
    get: get(db),
    set: set(db),
    alive: (at, gapMs) =>
      db.transaction(async (inside) => {
        const aliveAt = await get(inside)('alive_at')
        if (aliveAt === null || at - Number(aliveAt) > gapMs) await set(inside)('up_since', String(at))
        await set(inside)('alive_at', String(at))
      }),
    upSince: async () => Number((await get(db)('up_since')) ?? 0),
  }
}
