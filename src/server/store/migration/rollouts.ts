import type { Dialect } from '../database.ts'

/** Roll-outs, and until when a job is handed out. */
export function rollouts({ integer, real, tableOptions }: Dialect): readonly string[] {
  return [
    `ALTER TABLE job ADD COLUMN hand_out_until ${integer}`,
    `CREATE TABLE rollout (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, action TEXT NOT NULL, state TEXT NOT NULL,
      chosen TEXT NOT NULL, stop_hosts ${integer}, stop_share ${real}, window_cron TEXT, window_ms ${integer}, time_zone TEXT,
      deadline_ms ${integer} NOT NULL, wave ${integer} NOT NULL, reason TEXT, created_at ${integer} NOT NULL,
      created_by TEXT NOT NULL, ended_at ${integer}) ${tableOptions}`,
    "CREATE INDEX rollout_live ON rollout (id) WHERE state IN ('running', 'stopped', 'taking-back')",
    `CREATE TABLE rollout_target (rollout_id TEXT NOT NULL REFERENCES rollout(id), target_id TEXT NOT NULL REFERENCES target(id),
      agent_id TEXT NOT NULL REFERENCES agent(id), certificate_id TEXT NOT NULL REFERENCES certificate(id), before_version ${integer},
      wave ${integer} NOT NULL, state TEXT NOT NULL, since ${integer}, spent_ms ${integer} NOT NULL, issuance_id TEXT, is_joined ${integer} NOT NULL, job_id TEXT,
      is_recalled ${integer} NOT NULL, is_counted ${integer} NOT NULL, near_end_at ${integer}, is_hurried ${integer} NOT NULL,
      error TEXT, take_back_id TEXT, take_back_note TEXT, PRIMARY KEY (rollout_id, target_id)) ${tableOptions}`,
    'CREATE INDEX rollout_target_wave ON rollout_target (rollout_id, wave, state)',
    'CREATE INDEX rollout_target_target ON rollout_target (target_id)',
    'CREATE INDEX rollout_target_job ON rollout_target (job_id) WHERE job_id IS NOT NULL',
    'CREATE INDEX rollout_target_issuance ON rollout_target (issuance_id) WHERE issuance_id IS NOT NULL',
  ]
}
