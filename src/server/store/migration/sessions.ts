import type { Dialect } from '../database.ts'

/** Sessions of the fleet page. */
export function sessionTable({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE session (hash TEXT PRIMARY KEY, token_hash TEXT NOT NULL, created_at ${integer} NOT NULL,
      seen_at ${integer} NOT NULL, expires_at ${integer} NOT NULL) ${tableOptions}`,
    'CREATE INDEX session_of_token ON session (token_hash, created_at)',
  ]
}
