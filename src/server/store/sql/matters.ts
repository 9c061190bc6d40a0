import type { Matter, MatterKind } from '../../../notice/matter.ts'
import type { Mute } from '../../../notice/mute.ts'
import type { Database } from '../database.ts'
import type { MatterStore, MuteStore, NoticeRow, NoticeStore } from '../matter-store.ts'
import { changeWhere, fromRows, insert } from './columns.ts'

/** What is the matter, over SQL. */
export function sqlMatters(db: Database): MatterStore {
  return {
    takeTurn: async () =>
      (await db.query(`SELECT id FROM notice_turn WHERE id = 1 ${db.dialect.skipLocked}`)).length > 0,
    all: async () => fromRows<Matter>(await db.query('SELECT * FROM matter ORDER BY opened_at, id')),
    countOpen: async () =>
      (
        await db.query('SELECT kind, count(*) AS count FROM matter WHERE over_at IS NULL GROUP BY kind ORDER BY kind')
      ).map(({ kind, count }) => ({ kind: kind as MatterKind, count: Number(count) })),
    replace: async (before, after) => {
      const known = new Map(before.map((matter) => [matter.id, matter]))
      for (const matter of after) {
        const was = known.get(matter.id)
        known.delete(matter.id)
        const { id, ...fields } = matter
        if (was === undefined) await insert(db, 'matter', matter)
        else if (differs(was, matter)) await changeWhere(db, 'matter', { id }, fields)
      }
      for (const id of known.keys()) await db.query('DELETE FROM matter WHERE id = $1', [id])
    },
  }
}

function differs(one: Matter, other: Matter): boolean {
  return Object.entries(other).some(([name, value]) => one[name as keyof Matter] !== value)
}

/** Of what nothing is told, over SQL. */
export function sqlMutes(db: Database): MuteStore {
  return {
    list: async (at) => fromRows<Mute>(await db.query('SELECT * FROM mute WHERE until > $1 ORDER BY until, id', [at])),
    add: async (mute) => {
      await insert(db, 'mute', mute)
    },
    end: async (id) => (await db.query('DELETE FROM mute WHERE id = $1 RETURNING id', [id])).length > 0,
    forget: async (at) => {
      await db.query('DELETE FROM mute WHERE until <= $1', [at])
    },
  }
}

const givenUp = 'it was given up'

/** Messages over SQL. */
export function sqlNotices(db: Database): NoticeStore {
  return {
    madeSince: async (at) =>
      (await db.query('SELECT max(made_at) AS made_at FROM notice WHERE made_at > $1 GROUP BY id', [at])).map((row) =>
        Number(row['made_at']),
      ),
    add: async (notice, most) => {
      await db.query(
        `UPDATE notice SET ended_at = $1, error = '${givenUp}' WHERE channel = $2 AND ended_at IS NULL AND id IN (
          SELECT id FROM notice WHERE channel = $2 AND ended_at IS NULL ORDER BY made_at DESC, id LIMIT 1000 OFFSET $3)`,
        [notice.madeAt, notice.channel, most - 1],
      )
      await insert(db, 'notice', notice)
    },
    take: async (at, until, channels) => {
      if (channels.length === 0) return []
      const places = channels.map((_, place) => `$${place + 3}`).join(', ')
      return fromRows<NoticeRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT id, channel FROM notice WHERE ended_at IS NULL AND next_try_at <= $1 AND channel IN (${places})
              ORDER BY made_at, id LIMIT 20 ${db.dialect.skipLocked})
            UPDATE notice SET next_try_at = $2 WHERE (id, channel) IN (SELECT id, channel FROM taken) RETURNING *`,
          [at, until, ...channels],
        ),
      )
    },
    end: ({ id, channel }, endedAt, error) => changeWhere(db, 'notice', { id, channel }, { endedAt, error }),
    putOff: ({ id, channel }, nextTryAt, attempts, error) =>
      changeWhere(db, 'notice', { id, channel }, { nextTryAt, attempts, error }),
    forget: async (at, oldest) => {
      await db.query(
        `UPDATE notice SET ended_at = made_at, error = '${givenUp}' WHERE ended_at IS NULL AND made_at < $1`,
        [oldest],
      )
      await db.query('DELETE FROM notice WHERE ended_at IS NOT NULL AND made_at < $1', [at])
    },
  }
}
