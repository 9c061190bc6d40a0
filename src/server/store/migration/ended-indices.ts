/** For what is asked of orders and CSRs that have ended: without them all are read. */
export const endedIndices: readonly string[] = [
  "CREATE INDEX acme_order_failed ON acme_order (issuer, ended_at) WHERE state = 'failed'",
  'CREATE INDEX acme_order_ended ON acme_order (ended_at) WHERE ended_at IS NOT NULL',
  "CREATE INDEX signing_ended ON signing (next_try_at) WHERE state <> 'open'",
]
