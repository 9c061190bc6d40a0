import type { Dialect } from '../database.ts'

/** A credential may be a client certificate, by its fingerprint, and then has an end. */
export function clientCertificates({ integer }: Dialect): readonly string[] {
  return [
    "ALTER TABLE credential ADD COLUMN kind TEXT NOT NULL DEFAULT 'secret'",
    `ALTER TABLE credential ADD COLUMN expires_at ${integer}`,
  ]
}
