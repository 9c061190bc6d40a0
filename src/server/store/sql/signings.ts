import type { Database } from '../database.ts'
import type { SigningRow } from '../rows.ts'
import type { SigningStore } from '../store.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { isHeld } from './holds.ts'
import { forgetTries } from './issuer-tries.ts'
import { neededBy } from './needed-by.ts'

/** A first certificate comes behind what ends within a day: no flood of new ones has a renewal wait until it is late. */
const patienceOfFirstMs = 86_400_000

/** CSRs on their way over SQL. */
export function sqlSignings(db: Database): SigningStore {
  return {
    add: (signing) => insert(db, 'signing', signing),
    open: async (certificateId, spki) =>
      firstOf<SigningRow>(
        await db.query("SELECT * FROM signing WHERE certificate_id = $1 AND spki = $2 AND state = 'open'", [
          certificateId,
          spki,
        ]),
      ),
    byId: async (id) => firstOf<SigningRow>(await db.query('SELECT * FROM signing WHERE id = $1', [id])),
    take: async (at, until, limit) => {
      const urgency = neededBy('signing.certificate_id', `$1 + ${patienceOfFirstMs}`)
      const taken = await db.query(
        `WITH taken AS MATERIALIZED (
            SELECT id FROM signing WHERE state = 'open' AND next_try_at <= $1 AND NOT EXISTS (
              SELECT 1 FROM certificate WHERE id = signing.certificate_id AND ${isHeld('certificate')})
            ORDER BY ${urgency}, next_try_at LIMIT $3 ${db.dialect.skipLocked})
          UPDATE signing SET next_try_at = $2 WHERE id IN (SELECT id FROM taken) RETURNING *, ${urgency} AS needed_by`,
        [at, until, limit],
      )
      // RETURNING keeps no order.
      const byUrgency = taken.toSorted((one, other) => Number(one['needed_by']) - Number(other['needed_by']))
      return fromRows<SigningRow>(byUrgency.map(({ needed_by: _, ...row }) => row))
    },
    end: async (id, state, error) => {
      const ended = await db.query(
        "UPDATE signing SET state = $2, error = $3 WHERE id = $1 AND state = 'open' RETURNING id",
        [id, state, error],
      )
      await forgetTries(db, ended)
      return ended.length > 0
    },
    putOff: async (id, until, error) => {
      await db.query(
        "UPDATE signing SET next_try_at = $2, error = $3, attempts = attempts + 1 WHERE id = $1 AND state = 'open'",
        [id, until, error],
      )
    },
    wait: async (id, until, reason) => {
      await db.query("UPDATE signing SET next_try_at = $2, error = $3 WHERE id = $1 AND state = 'open'", [
        id,
        until,
        reason,
      ])
    },
    endOf: async (jobId, error) => {
      const ended = await db.query(
        "UPDATE signing SET state = 'failed', error = $2 WHERE job_id = $1 AND state = 'open' RETURNING id",
        [jobId, error],
      )
      await forgetTries(db, ended)
    },
    hasten: async (certificateId, at) => {
      await db.query(
        `UPDATE signing SET next_try_at = $2
          WHERE certificate_id = $1 AND state = 'open' AND error IS NOT NULL AND next_try_at > $2`,
        [certificateId, at],
      )
      await db.query(
        `UPDATE issuer_try SET next_at = $2 WHERE next_at > $2
          AND signing_id IN (SELECT id FROM signing WHERE certificate_id = $1 AND state = 'open')`,
        [certificateId, at],
      )
    },
    hold: async (id, until) => {
      await db.query("UPDATE signing SET next_try_at = $2 WHERE id = $1 AND state = 'open'", [id, until])
    },
    // One that has ended keeps the time of its last try.
    forget: async (before, limit) => {
      await db.query(
        `DELETE FROM signing WHERE id IN (
            SELECT id FROM signing WHERE state <> 'open' AND next_try_at < $1 ORDER BY next_try_at LIMIT $2)`,
        [before, limit],
      )
    },
  }
}
