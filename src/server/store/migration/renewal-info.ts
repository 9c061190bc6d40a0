import type { Dialect } from '../database.ts'

/** What issuers say about the renewal of versions. The newest version of each certificate is asked for from now on. */
export function renewalInfo({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE renewal_info (certificate_id TEXT NOT NULL REFERENCES certificate(id), number ${integer} NOT NULL,
      issuer TEXT NOT NULL, ask_at ${integer}, failures ${integer} NOT NULL, last_error TEXT, starts_at ${integer},
      ends_at ${integer}, urgent_by ${integer}, explanation TEXT, PRIMARY KEY (certificate_id, number)) ${tableOptions}`,
    'CREATE INDEX renewal_info_due ON renewal_info (issuer, ask_at) WHERE ask_at IS NOT NULL',
    `INSERT INTO renewal_info (certificate_id, number, issuer, ask_at, failures)
      SELECT certificate_id, number, issuer, issued_at, 0 FROM version
        WHERE number = (SELECT max(number) FROM version AS each WHERE each.certificate_id = version.certificate_id)`,
  ]
}
