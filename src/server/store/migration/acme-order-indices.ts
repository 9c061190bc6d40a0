/** For what is asked of ended orders: without them all orders of an issuer are read. */
export const acmeOrderIndices: readonly string[] = [
  "CREATE INDEX acme_order_failed ON acme_order (issuer, ended_at) WHERE state = 'failed'",
  'CREATE INDEX acme_order_ended ON acme_order (ended_at) WHERE ended_at IS NOT NULL',
]
