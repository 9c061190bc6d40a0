import type { Dialect } from '../database.ts'

/** When renewals of agents with a label are handed out. */
export function renewalWindows({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE renewal_window (name TEXT NOT NULL, value TEXT NOT NULL, cron TEXT NOT NULL, for_ms ${integer} NOT NULL,
      time_zone TEXT NOT NULL, created_at ${integer} NOT NULL, created_by TEXT NOT NULL, PRIMARY KEY (name, value)) ${tableOptions}`,
    "CREATE INDEX job_held ON job (hand_out_until) WHERE hand_out_until IS NOT NULL AND status IN ('Pending', 'AwaitingCSR')",
  ]
}
