import type { Dialect } from '../database.ts'

/** The certificates that are found on hosts; and versions by their digest, for some of them are ours. */
export function discovered({ integer, serial, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE discovered (seq ${serial}, agent_id TEXT NOT NULL REFERENCES agent(id), fingerprint TEXT NOT NULL,
       path TEXT NOT NULL, format TEXT NOT NULL, common_name TEXT NOT NULL, sans TEXT NOT NULL, issuer TEXT NOT NULL,
       subject TEXT NOT NULL, serial TEXT NOT NULL, not_before ${integer} NOT NULL, not_after ${integer} NOT NULL,
       key_algorithm TEXT NOT NULL, key_size ${integer} NOT NULL, is_ca ${integer} NOT NULL, first_seen ${integer} NOT NULL,
       last_seen ${integer} NOT NULL, gone_at ${integer}, certificate_id TEXT REFERENCES certificate(id),
       UNIQUE (agent_id, fingerprint, path)) ${tableOptions}`,
    'CREATE INDEX discovered_bound ON discovered (certificate_id) WHERE certificate_id IS NOT NULL',
    'CREATE INDEX version_of_fingerprint ON version (fingerprint)',
  ]
}
