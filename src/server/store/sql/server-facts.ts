import { orderLeaseMs } from '../../issuer/acme/keep-lease.ts'
import type { Database } from '../database.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { ServerFacts } from '../store.ts'

/** No resolver keeps an answer of the DNS for longer (docs/design/dane.md, §4). */
const longestKeptMs = 7 * 86_400_000
/** Until a clock that was set back is noticed, things are done by the right time: what was made by the wrong one was made before them. */
const unnoticedMs = 10 * 60_000

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
        if (aliveAt === null || Math.abs(at - Number(aliveAt)) > gapMs) await set(inside)('up_since', String(at))
        await set(inside)('alive_at', String(at))
        return aliveAt !== null && Number(aliveAt) - at > gapMs
      }),
    forgetFuture: async (at, leasesEnd) => {
      await db.query('UPDATE job SET updated_at = $1 WHERE updated_at > $1', [at])
      await db.query('UPDATE job SET created_at = $2 WHERE created_at > $1', [at, at - unnoticedMs])
      await db.query('UPDATE version SET issued_at = $2 WHERE issued_at > $1', [at, at - unnoticedMs])
      await db.query(`UPDATE job SET lease_until = $1 WHERE ${isOpen} AND lease_until > $2`, [at, leasesEnd])
      // What waits for a window is looked at, and put off anew.
      await db.query(`UPDATE job SET hand_out_until = $1 WHERE ${isOpen} AND hand_out_until > $1`, [at])
      await db.query('UPDATE rollout_target SET since = $1 WHERE since > $1', [at])
      await db.query("UPDATE signing SET next_try_at = $1 WHERE state = 'open' AND next_try_at > $1", [at])
      await db.query('UPDATE issuer_try SET next_at = $1 WHERE next_at > $1', [at])
      await db.query('UPDATE issuer_try SET first_at = $1 WHERE first_at > $1', [at])
      await forgetFutureOfOrders(db, at)
      await db.query('UPDATE revocation SET next_try_at = $1 WHERE told_at IS NULL AND next_try_at > $1', [at])
      await db.query('UPDATE notice SET next_try_at = $1 WHERE ended_at IS NULL AND next_try_at > $1', [at])
      await db.query('UPDATE certificate SET next_renewal_at = $1 WHERE next_renewal_at > $1', [at])
      await db.query('UPDATE renewal_info SET ask_at = $1 WHERE ask_at > $1', [at])
      await db.query('UPDATE presence SET seen_at = $1 WHERE seen_at > $1', [at])
      await db.query('UPDATE presence SET heartbeat_at = $1 WHERE heartbeat_at > $1', [at])
      // Its end was planned by that clock, too.
      await db.query('DELETE FROM session WHERE seen_at > $1', [at])
      await db.query('UPDATE rollover_target SET next_look_at = $1 WHERE next_look_at > $1', [at])
      await db.query('UPDATE rollover_name SET looked_at = $1 WHERE looked_at > $1', [at])
      await db.query('UPDATE rollover_name SET cached_until = $1 WHERE cached_until > $1', [at + longestKeptMs])
      // Waits begin now, and so do the pauses behind what was done.
      for (const column of ['seen_at', 'changed_at', 'acted_at'])
        await db.query(`UPDATE tlsa_record SET ${column} = $1 WHERE ${column} > $1`, [at])
      await db.query('DELETE FROM rollover_pass')
      await db.query('UPDATE hold SET asked_at = $1 WHERE asked_at > $1', [at])
    },
    upSince: async () => Number((await get(db)('up_since')) ?? 0),
  }
}

/** Limits count from now on: a CA has its own clock, and may have counted them a moment ago. */
async function forgetFutureOfOrders(db: Database, at: number): Promise<void> {
  for (const column of ['created_at', 'ended_at', 'tidy_at'])
    await db.query(`UPDATE acme_order SET ${column} = $1 WHERE ${column} > $1`, [at])
  await db.query('UPDATE acme_order SET lease_until = $1 WHERE lease_until > $2', [at, at + orderLeaseMs])
}
