import type { Dialect } from '../database.ts'

/** Orders at CAs, what the issuers are like, and what each is still to be told of revoked certificates. */
export function acmeOrders({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE acme_order (id TEXT PRIMARY KEY, signing_id TEXT NOT NULL, issuer TEXT NOT NULL,
       certificate_id TEXT NOT NULL REFERENCES certificate(id), names TEXT NOT NULL, state TEXT NOT NULL, url TEXT,
       proofs TEXT NOT NULL, failed_names TEXT NOT NULL, error TEXT, created_at ${integer} NOT NULL, ended_at ${integer},
       lease_until ${integer}, tidy_at ${integer}) ${tableOptions}`,
    "CREATE UNIQUE INDEX acme_order_open ON acme_order (signing_id, issuer) WHERE state = 'open'",
    'CREATE INDEX acme_order_of_names ON acme_order (issuer, names, created_at)',
    'CREATE INDEX acme_order_of_issuer ON acme_order (issuer, created_at)',
    'CREATE INDEX acme_order_untidy ON acme_order (issuer, tidy_at) WHERE tidy_at IS NOT NULL',
    `CREATE TABLE issuer_state (issuer TEXT PRIMARY KEY, account TEXT, worked_at ${integer}, failed_at ${integer},
       error TEXT) ${tableOptions}`,
    `CREATE TABLE revocation (certificate_id TEXT NOT NULL, number ${integer} NOT NULL, reason TEXT NOT NULL,
       next_try_at ${integer} NOT NULL, failures ${integer} NOT NULL, error TEXT, told_at ${integer},
       PRIMARY KEY (certificate_id, number)) ${tableOptions}`,
    'CREATE INDEX revocation_due ON revocation (next_try_at) WHERE told_at IS NULL',
  ]
}
