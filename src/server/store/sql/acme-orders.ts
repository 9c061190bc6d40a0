import type { AcmeLimits } from '../../config/server-config.ts'
import type { Rate } from '../../renewal/within-rate.ts'
import type { AcmeOrderRow, AcmeOrderStore, Begun, FullLimit, UsedLimit } from '../acme-order-store.ts'
import type { Database, RawRow, Value } from '../database.ts'
import { change, changeWhere, firstOf, fromRows, insert } from './columns.ts'

/** A slot that an open order has is looked at again after so long: it may fail. */
const lookAgainMs = 10 * 60_000

/** Orders at CAs over SQL. */
export function sqlAcmeOrders(db: Database): AcmeOrderStore {
  return {
    open: (signingId, issuer) => openOne(db, signingId, issuer),
    begin: (order, limits, domains) => db.transaction((inside) => begin(inside, order, limits, domains)),
    lease: async (id, at, until) =>
      firstOf<AcmeOrderRow>(
        await db.query(
          `UPDATE acme_order SET lease_until = $3
            WHERE id = $1 AND state = 'open' AND (lease_until IS NULL OR lease_until <= $2) RETURNING *`,
          [id, at, until],
        ),
      ),
    extend: (id, leaseUntil, later) => changeWhere(db, 'acme_order', { id, leaseUntil }, { leaseUntil: later }),
    release: (id, leaseUntil) => changeWhere(db, 'acme_order', { id, leaseUntil }, { leaseUntil: null }),
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
      ).map(usedLimit),
    mostOfDomain: async (issuer, since, limit) =>
      (
        await db.query(
          `SELECT domain AS names, COUNT(*) AS used FROM acme_order_domain JOIN acme_order ON id = order_id
            WHERE acme_order.issuer = $1 AND ended_at > $2 AND state = 'issued'
            GROUP BY domain ORDER BY COUNT(*) DESC, domain LIMIT $3`,
          [issuer, since, limit],
        )
      ).map(usedLimit),
    forget: async (before) => {
      await db.query('DELETE FROM acme_order WHERE ended_at < $1 AND tidy_at IS NULL', [before])
    },
  }
}

async function openOne(db: Database, signingId: string, issuer: string): Promise<AcmeOrderRow | null> {
  const where = "WHERE signing_id = $1 AND issuer = $2 AND state = 'open'"
  return firstOf<AcmeOrderRow>(await db.query(`SELECT * FROM acme_order ${where}`, [signingId, issuer]))
}

function usedLimit(row: RawRow): UsedLimit {
  return { names: String(row['names']), used: Number(row['used']) }
}

async function begin(
  db: Database,
  order: AcmeOrderRow,
  limits: AcmeLimits,
  domains: readonly string[],
): Promise<Begun> {
  await insert(db, 'issuer_state', { issuer: order.issuer })
  // One after another: two that count at once would both find room.
  await db.query(`SELECT 1 AS held FROM issuer_state WHERE issuer = $1 ${db.dialect.forUpdate}`, [order.issuer])
  const before = await openOne(db, order.signingId, order.issuer)
  if (before !== null) return { order: before }
  const countedDomains = domains.length === 0 || (await wasIssued(db, order)) ? [] : domains
  const full = await fullLimit(db, order, limits, countedDomains)
  if (full !== null) return full
  await insert(db, 'acme_order', order)
  for (const domain of countedDomains)
    await insert(db, 'acme_order_domain', { orderId: order.id, issuer: order.issuer, domain })
  return { order }
}

/** A CA takes one more certificate for the same names for a renewal. */
async function wasIssued(db: Database, { issuer, names }: AcmeOrderRow): Promise<boolean> {
  const where = "issuer = $1 AND names = $2 AND state = 'issued'"
  return (await db.query(`SELECT 1 AS found FROM acme_order WHERE ${where} LIMIT 1`, [issuer, names])).length > 0
}

/** Which orders of an issuer are counted for one limit, and since when. */
interface Counted {
  readonly limit: keyof AcmeLimits
  readonly of: string | null
  /** More that holds of them, beside their issuer; $4 stands for what is in `values`. */
  readonly where: string
  readonly at: string
  readonly values: readonly Value[]
  /** One that fails is counted no more. */
  readonly isForIssued: boolean
}

async function fullLimit(
  db: Database,
  order: AcmeOrderRow,
  limits: AcmeLimits,
  domains: readonly string[],
): Promise<FullLimit | null> {
  for (const counted of countedFor(order, domains)) {
    const untilMs = await freeAt(db, limits[counted.limit], counted, order)
    if (untilMs !== null) return { limit: counted.limit, of: counted.of, untilMs }
  }
  return null
}

function countedFor({ names }: AcmeOrderRow, domains: readonly string[]): readonly Counted[] {
  const issued = { at: 'COALESCE(ended_at, created_at)', isForIssued: true }
  const ofNames = "AND names = $4 AND state <> 'failed'"
  const ofDomain = `AND id IN (SELECT order_id FROM acme_order_domain WHERE issuer = $1 AND domain = $4) AND state <> 'failed'`
  const ofFailures = "AND state = 'failed' AND failed_names LIKE $4"
  const bare = names.split(' ').map((name) => name.replace(/^\*\./, ''))
  return [
    { limit: 'sameNames', of: null, where: ofNames, values: [names], ...issued },
    { limit: 'orders', of: null, where: '', values: [], at: 'created_at', isForIssued: false },
    ...domains.map((of) => ({ limit: 'registeredDomain', of, where: ofDomain, values: [of], ...issued }) as const),
    ...bare.map((of) => {
      const failed = { where: ofFailures, values: [`% ${of} %`], at: 'ended_at', isForIssued: false }
      return { limit: 'failures', of, ...failed } as const
    }),
  ]
}

/** When there is room again: the time of the one that is `most` back, and the stretch, or sooner where one may fail. Null: there is room. */
async function freeAt(
  db: Database,
  rate: Rate | null,
  { where, at, values, isForIssued }: Counted,
  { issuer, createdAt: now }: AcmeOrderRow,
): Promise<number | null> {
  if (rate === null) return null
  const counted = `FROM acme_order WHERE issuer = $1 ${where} AND ${at} > $2`
  const since = now - rate.perMs
  const select = `SELECT ${at} AS at ${counted} ORDER BY ${at} DESC LIMIT 1 OFFSET $3`
  const [row] = await db.query(select, [issuer, since, rate.most - 1, ...values])
  if (row === undefined) return null
  const freeAtLast = Number(row['at']) + rate.perMs
  if (!isForIssued) return freeAtLast
  const open = await db.query(`SELECT 1 AS found ${counted} AND state = 'open' LIMIT $3`, [issuer, since, 1, ...values])
  return open.length === 0 ? freeAtLast : Math.min(freeAtLast, now + lookAgainMs)
}
