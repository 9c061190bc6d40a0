import { hashOfLink, noLink } from '../audit-chain.ts'
import type { Database } from '../database.ts'
import type { AuditRow } from '../rows.ts'
import type { AuditStore } from '../store.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** The audit trail over SQL. Who writes waits for nobody: the chain follows, in batches. */
export function sqlAudit(db: Database): AuditStore {
  return {
    append: async (entry) => {
      await insert(db, 'audit', entry)
    },
    chain: (limit) => db.transaction((inside) => chainBatch(inside, limit)),
    head: () => headOf(db),
    list: async ({ after = '0', limit }) =>
      fromRows<AuditRow>(
        await db.query('SELECT * FROM audit WHERE link > $1 ORDER BY link LIMIT $2', [Number(after), limit]),
      ),
  }
}

async function headOf(db: Database): Promise<AuditRow | null> {
  return firstOf<AuditRow>(await db.query('SELECT * FROM audit WHERE link IS NOT NULL ORDER BY link DESC LIMIT 1'))
}

/** What commits later may have a lower `seq` than what is in the chain already: its place is told by `link` alone. */
async function chainBatch(db: Database, limit: number): Promise<number> {
  // Two servers would give one place to two rows.
  if (db.dialect.name === 'postgres') await db.query('SELECT pg_advisory_xact_lock(8444)')
  const head = await headOf(db)
  const rows = fromRows<AuditRow>(
    await db.query('SELECT * FROM audit WHERE hash IS NULL ORDER BY seq LIMIT $1', [limit]),
  )
  let [link, previousHash] = [head?.link ?? 0, head?.hash ?? noLink]
  for (const row of rows) {
    link += 1
    const hash = hashOfLink({ ...row, link, previousHash })
    await db.query('UPDATE audit SET link = $2, previous_hash = $3, hash = $4 WHERE seq = $1', [
      row.seq,
      link,
      previousHash,
      hash,
    ])
    previousHash = hash
  }
  return rows.length
}
