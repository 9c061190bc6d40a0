import type { Dialect } from '../database.ts'

/** The table of standing orders: one for a target, as it was signed. */
export function standingOrders({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE standing_order (target_id TEXT PRIMARY KEY REFERENCES target(id), document TEXT NOT NULL,
     signature TEXT NOT NULL, key TEXT NOT NULL, sequence ${integer} NOT NULL, added_at ${integer} NOT NULL,
     added_by TEXT NOT NULL) ${tableOptions}`,
  ]
}
