import type { Dialect } from '../database.ts'

/** The registered domains for which an order at a CA is none that renews: by them it is counted, too. */
export function registeredDomains({ tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE acme_order_domain (order_id TEXT NOT NULL REFERENCES acme_order(id) ON DELETE CASCADE, issuer TEXT NOT NULL,
       domain TEXT NOT NULL, PRIMARY KEY (order_id, domain)) ${tableOptions}`,
    'CREATE INDEX acme_order_of_domain ON acme_order_domain (issuer, domain)',
  ]
}
