import type { Dialect } from '../database.ts'
import { growingInPostgres, growingInSqlite } from './growing-audit.ts'

/** Of a job that is not final; the same words stand in every query that is to use the index. */
export const isOpen = "status IN ('Pending', 'AwaitingCSR', 'Running')"

/** SQL: no agent ever had it. */
export const isUntaken = "(status = 'AwaitingCSR' OR (status = 'Pending' AND attempt = 0))"

/** Of a job that ended otherwise than well: few of all. As above. */
export const isUnwell = "status IN ('Failed', 'Cancelled')"

/** The tables of version 1. Finished jobs are in no index that a poll reads. */
export function firstSchema({ name, integer, real, serial, tableOptions }: Dialect): readonly string[] {
  const table = (of: string, columns: string): string => `CREATE TABLE ${of} (${columns}) ${tableOptions}`
  return [
    table(
      'agent',
      `id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hostname TEXT NOT NULL, status TEXT NOT NULL, features TEXT NOT NULL,
       registered_at ${integer} NOT NULL`,
    ),
    table(
      'credential',
      `hash TEXT PRIMARY KEY, agent_id TEXT NOT NULL REFERENCES agent(id), created_at ${integer} NOT NULL,
       used_at ${integer}, revoked_at ${integer}`,
    ),
    'CREATE INDEX credential_of_agent ON credential (agent_id)',
    table(
      'token',
      `hash TEXT PRIMARY KEY, expires_at ${integer}, uses_left ${integer} NOT NULL, name_pattern TEXT,
       created_at ${integer} NOT NULL, created_by TEXT NOT NULL, agent_id TEXT REFERENCES agent(id), used_at ${integer}`,
    ),
    table(
      'registration',
      `key_hash TEXT PRIMARY KEY, token_hash TEXT NOT NULL, agent_id TEXT NOT NULL REFERENCES agent(id)`,
    ),
    table(
      'presence',
      `agent_id TEXT PRIMARY KEY REFERENCES agent(id), seen_at ${integer} NOT NULL, heartbeat_at ${integer}, machine TEXT,
       starts ${integer}, run TEXT, former_machine TEXT, moved_at ${integer}, twin TEXT, twin_at ${integer}`,
    ),
    table(
      'operator',
      `id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
       created_at ${integer} NOT NULL, revoked_at ${integer}`,
    ),
    table(
      'target',
      `id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, agent_id TEXT NOT NULL REFERENCES agent(id), type TEXT NOT NULL,
       config TEXT NOT NULL`,
    ),
    table(
      'certificate',
      `id TEXT PRIMARY KEY, agent_id TEXT NOT NULL REFERENCES agent(id), common_name TEXT NOT NULL, sans TEXT NOT NULL,
       validity_days ${real} NOT NULL, renew_share ${real}, issuers TEXT NOT NULL, key_policy TEXT NOT NULL,
       next_renewal_at ${integer}, renewal_failures ${integer} NOT NULL, last_error TEXT, revoked_at ${integer},
       created_at ${integer} NOT NULL`,
    ),
    'CREATE INDEX certificate_due ON certificate (next_renewal_at) WHERE next_renewal_at IS NOT NULL',
    table(
      'version',
      `certificate_id TEXT NOT NULL REFERENCES certificate(id), number ${integer} NOT NULL, serial TEXT NOT NULL, pem TEXT NOT NULL,
       not_before ${integer} NOT NULL, not_after ${integer} NOT NULL, spki TEXT NOT NULL, fingerprint TEXT NOT NULL,
       issuer TEXT NOT NULL, issued_at ${integer} NOT NULL, revoked_at ${integer}, PRIMARY KEY (certificate_id, number)`,
    ),
    'CREATE INDEX version_revoked ON version (not_after) WHERE revoked_at IS NOT NULL',
    table(
      'deploy_to',
      `certificate_id TEXT NOT NULL REFERENCES certificate(id), target_id TEXT NOT NULL REFERENCES target(id),
       PRIMARY KEY (certificate_id, target_id)`,
    ),
    table(
      'job',
      `seq ${serial}, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, agent_id TEXT NOT NULL REFERENCES agent(id),
       certificate_id TEXT NOT NULL REFERENCES certificate(id), version_number ${integer}, target_id TEXT REFERENCES target(id),
       status TEXT NOT NULL, attempt ${integer} NOT NULL, lease_until ${integer}, not_before ${integer}, deadline ${integer},
       cancel_requested_at ${integer}, error TEXT, outcome TEXT, verification TEXT, created_at ${integer} NOT NULL,
       updated_at ${integer} NOT NULL, is_reaped ${integer} NOT NULL`,
    ),
    `CREATE INDEX job_open ON job (agent_id, status, seq) WHERE ${isOpen}`,
    `CREATE UNIQUE INDEX job_one_issuance ON job (certificate_id) WHERE type IN ('Issuance', 'Renewal') AND ${isOpen}`,
    `CREATE INDEX job_unwell ON job (status, seq) WHERE ${isUnwell}`,
    'CREATE INDEX job_of_agent ON job (agent_id, seq)',
    'CREATE INDEX job_of_target ON job (target_id, seq)',
    'CREATE INDEX job_of_certificate ON job (certificate_id, seq)',
    table(
      'signing',
      `id TEXT PRIMARY KEY, job_id TEXT, certificate_id TEXT NOT NULL REFERENCES certificate(id), csr_pem TEXT NOT NULL,
       spki TEXT NOT NULL, state TEXT NOT NULL, attempts ${integer} NOT NULL, next_try_at ${integer} NOT NULL, error TEXT`,
    ),
    "CREATE UNIQUE INDEX signing_open ON signing (certificate_id, spki) WHERE state = 'open'",
    "CREATE INDEX signing_due ON signing (next_try_at) WHERE state = 'open'",
    table('hold', `agent_id TEXT PRIMARY KEY REFERENCES agent(id), asked_at ${integer}`),
    table(
      'on_host',
      `target_id TEXT PRIMARY KEY REFERENCES target(id), certificate_id TEXT NOT NULL REFERENCES certificate(id),
       fingerprint TEXT NOT NULL, not_before ${integer} NOT NULL, not_after ${integer} NOT NULL, seen_at ${integer} NOT NULL`,
    ),
    'CREATE INDEX on_host_of_certificate ON on_host (certificate_id)',
    table('drift', 'target_id TEXT PRIMARY KEY REFERENCES target(id), reasons TEXT NOT NULL, since TEXT NOT NULL'),
    table(
      'audit',
      `seq ${serial}, at ${integer} NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
       details TEXT NOT NULL, link ${integer} UNIQUE, previous_hash TEXT, hash TEXT`,
    ),
    'CREATE INDEX audit_unchained ON audit (seq) WHERE hash IS NULL',
    ...(name === 'sqlite' ? growingInSqlite : growingInPostgres),
  ]
}
