import type { AcmeLimits } from '../../config/server-config.ts'
import type { Rate } from '../../renewal/within-rate.ts'
import type { AcmeOrderRow, AcmeOrderStore, Begun, UsedLimit } from '../acme-order-store.ts'
import type { Database, Value } from '../database.ts'
import { change, firstOf, fromRows, insert } from './columns.ts'

/** A slot that an open order has is looked at again after so long: it may fail. */
const lookAgainMs = 10 * 60_000

/** Orders at CAs over SQL. */
export function sqlAcmeOrders(db: Database): AcmeOrderStore {
  return {
    open: (signingId, issuer) => openOne(db, signingId, issuer),
    begin: (order, limits) => db.transaction((inside) => begin(inside, order, limits)),
    lease: async (id, at, until) =>
      firstOf<AcmeOrderRow>(
        await db.query(
          `UPDATE acme_order SET lease_until = $3
            WHERE id = $1 AND state = 'open' AND (lease_until IS NULL OR lease_until <= $2) RETURNING *`,
          [id, at, until],
        ),
      ),
    save: (id, fields) => change(db, 'acme_order', id, fields),
    fail: (id, at, fields) =>
      change(db, 'acme_order', id, { state: 'failed', endedAt: at, leaseUntil: null, ...fields }),
    issued: async (signingId, issuer, at) => {
      await db.query(
        `UPDATE acme_order SET state = 'issued', ended_at = $3, lease_until = NULL
          WHERE signing_id = $1 AND issuer = $2 AND state = 'open'`,
        [signingId, issuer, at],
      )
    },
    endUnwanted: async (at) => {
      await db.query(
        `UPDATE acme_order SET state = 'failed', ended_at = $1, error = 'nobody waits for it any more'
          WHERE state = 'open' AND (lease_until IS NULL OR lease_until <= $1) AND NOT EXISTS (
            SELECT 1 FROM signing WHERE signing.id = acme_order.signing_id AND signing.state = 'open')`,
        [at],
      )
    },
    untidy: async (issuer, at, until, limit) =>
      fromRows<AcmeOrderRow>(
        await db.query(
          `WITH taken AS MATERIALIZED (
              SELECT id FROM acme_order WHERE issuer = $1 AND tidy_at <= $2 AND state <> 'open' ORDER BY tidy_at LIMIT $4
              ${db.dialect.skipLocked})
            UPDATE acme_order SET tidy_at = $3 WHERE id IN (SELECT id FROM taken) RETURNING *`,
          [issuer, at, until, limit],
        ),
      ),
    count: async (issuer, since) =>
      Number(
        (
          await db.query('SELECT COUNT(*) AS orders FROM acme_order WHERE issuer = $1 AND created_at > $2', [
            issuer,
            since,
          ])
        )[0]?.['orders'] ?? 0,
      ),
    mostIssued: async (issuer, since, limit) =>
      (
        await db.query(
          `SELECT names, COUNT(*) AS used FROM acme_order WHERE issuer = $1 AND ended_at > $2 AND state = 'issued'
            GROUP BY names ORDER BY COUNT(*) DESC, names LIMIT $3`,
          [issuer, since, limit],
        )
      ).map((row): UsedLimit => ({ names: String(row['names']), used: Number(row['used']) })),
    forget: async (before) => {
      await db.query('DELETE FROM acme_order WHERE ended_at < $1 AND tidy_at IS NULL', [before])
    },
  }
}

async function openOne(db: Database, signingId: string, issuer: string): Promise<AcmeOrderRow | null> {
  const where = "WHERE signing_id = $1 AND issuer = $2 AND state = 'open'"
  return firstOf<AcmeOrderRow>(await db.query(`SELECT * FROM acme_order ${where}`, [signingId, issuer]))
}

async function begin(db: Database, order: AcmeOrderRow, limits: AcmeLimits): Promise<Begun> {
  await insert(db, 'issuer_state', { issuer: order.issuer })
  // One after another: two that count at once would both find room.
  await db.query(`SELECT 1 AS held FROM issuer_state WHERE issuer = $1 ${db.dialect.forUpdate}`, [order.issuer])
  const before = await openOne(db, order.signingId, order.issuer)
  if (before !== null) return { order: before }
  const full = await fullLimit(db, order, limits)
  if (full !== null) return full
  await insert(db, 'acme_order', order)
  return { order }
}

async function fullLimit(
  db: Database,
  { issuer, names, createdAt: now }: AcmeOrderRow,
  { sameNames, orders, failures }: AcmeLimits,
): Promise<Extract<Begun, { limit: unknown }> | null> {
  const at = 'COALESCE(ended_at, created_at)'
  const same = `issuer = $1 AND names = $4 AND state <> 'failed' AND ${at}`
  const ofNames = await freeAt(db, sameNames, same, at, issuer, now, [names])
  if (ofNames !== null) {
    const isOpen =
      (await db.query(`SELECT 1 AS found FROM acme_order WHERE ${openOf} LIMIT 1`, [issuer, names])).length > 0
    return { limit: 'sameNames', untilMs: isOpen ? Math.min(ofNames, now + lookAgainMs) : ofNames }
  }
  const ofAccount = await freeAt(db, orders, 'issuer = $1 AND created_at', 'created_at', issuer, now)
  if (ofAccount !== null) return { limit: 'orders', untilMs: ofAccount }
  for (const name of names.split(' ')) {
    const failed = "issuer = $1 AND state = 'failed' AND failed_names LIKE $4 AND ended_at"
    const ofName = await freeAt(db, failures, failed, 'ended_at', issuer, now, [`% ${name.replace(/^\*\./, '')} %`])
    if (ofName !== null) return { limit: 'failures', untilMs: ofName }
  }
  return null
}

const openOf = "issuer = $1 AND names = $2 AND state = 'open'"

/** When there is room again: the time of the one that is `most` back, and the stretch. Null: there is room. */
async function freeAt(
  db: Database,
  rate: Rate | null,
  counted: string,
  at: string,
  issuer: string,
  now: number,
  more: readonly Value[] = [],
): Promise<number | null> {
  if (rate === null) return null
  const [row] = await db.query(
    `SELECT ${at} AS at FROM acme_order WHERE ${counted} > $2 ORDER BY ${at} DESC LIMIT 1 OFFSET $3`,
    [issuer, now - rate.perMs, rate.most - 1, ...more],
  )
  return row === undefined ? null : Number(row['at']) + rate.perMs
}
