import type { Dialect } from '../database.ts'

/** Jobs that a host begins by itself, and that nobody is handed: `waxseal rollback` (protocol §4). */
export function hostRollbacks({ integer }: Dialect): readonly string[] {
  return [`ALTER TABLE job ADD COLUMN is_by_host ${integer} NOT NULL DEFAULT 0`]
}
