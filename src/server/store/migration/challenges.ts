import type { Dialect } from '../database.ts'

/** What hosts are to answer to challenges of a CA, one for a job. */
export function challenges({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE challenge (job_id TEXT PRIMARY KEY REFERENCES job(id) ON DELETE CASCADE, name TEXT NOT NULL, token TEXT NOT NULL,
     key_authorization TEXT NOT NULL, lifetime_s ${integer} NOT NULL) ${tableOptions}`,
  ]
}
