import type { Dialect } from '../database.ts'

/** DANE roll-overs: targets, their names, the records of keys, and which jobs may be handed out. */
export function rollovers({ integer, tableOptions }: Dialect): readonly string[] {
  const table = (of: string, columns: string): string => `CREATE TABLE ${of} (${columns}) ${tableOptions}`
  return [
    table(
      'rollover_target',
      `target_id TEXT PRIMARY KEY REFERENCES target(id), turned_on_at ${integer} NOT NULL, turned_on_by TEXT NOT NULL,
       next_look_at ${integer} NOT NULL`,
    ),
    'CREATE INDEX rollover_due ON rollover_target (next_look_at)',
    table(
      'rollover_name',
      `target_id TEXT NOT NULL REFERENCES target(id), name TEXT NOT NULL, end_name TEXT, looked_at ${integer}, ttl_ms ${integer} NOT NULL, cached_until ${integer} NOT NULL,
       seen TEXT NOT NULL, is_by_hand ${integer} NOT NULL, problem TEXT, PRIMARY KEY (target_id, name)`,
    ),
    table(
      'tlsa_record',
      `target_id TEXT NOT NULL REFERENCES target(id), name TEXT NOT NULL, spki TEXT NOT NULL, state TEXT NOT NULL,
       is_by_other ${integer} NOT NULL, lacking_ms ${integer} NOT NULL, seen_at ${integer}, wait_ms ${integer} NOT NULL,
       changed_at ${integer} NOT NULL, acted_at ${integer}, PRIMARY KEY (target_id, name, spki)`,
    ),
    'CREATE INDEX tlsa_record_name ON tlsa_record (name, spki)',
    table(
      'rollover_pass',
      `job_id TEXT PRIMARY KEY, target_id TEXT NOT NULL REFERENCES target(id), version_number ${integer} NOT NULL, until ${integer} NOT NULL`,
    ),
    'CREATE INDEX rollover_pass_target ON rollover_pass (target_id)',
  ]
}
