import type { Dialect } from '../database.ts'

/** When the next issuer is asked, and what each has done. */
export function fallBack({ integer, real, tableOptions }: Dialect): readonly string[] {
  return [
    `ALTER TABLE certificate ADD COLUMN fall_back_after ${integer}`,
    `ALTER TABLE certificate ADD COLUMN fall_back_share ${real}`,
    `CREATE TABLE issuer_try (signing_id TEXT NOT NULL, issuer TEXT NOT NULL, failures ${integer} NOT NULL,
      first_at ${integer} NOT NULL, next_at ${integer} NOT NULL, is_waiting ${integer} NOT NULL, reason TEXT NOT NULL,
      PRIMARY KEY (signing_id, issuer)) ${tableOptions}`,
  ]
}
