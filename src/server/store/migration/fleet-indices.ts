/** What the fleet page counts and lists by. None of them is written by a poll, and finished jobs that went well are in none. */
export const fleetIndices: readonly string[] = [
  'CREATE INDEX target_of_agent ON target (agent_id)',
  'CREATE INDEX certificate_of_agent ON certificate (agent_id)',
  // A version has its PEM before its end: by this index nobody reads over it.
  'CREATE INDEX version_end ON version (certificate_id, number, not_before, not_after)',
  "CREATE INDEX job_failed ON job (updated_at, seq) WHERE status = 'Failed'",
]
