import { isOpen } from './first-schema.ts'

/** For what is asked often, and read all there is without them. */
export const oftenAsked: readonly string[] = [
  // By each poll and heartbeat; there almost never is one.
  `CREATE INDEX job_to_cancel ON job (agent_id, seq) WHERE cancel_requested_at IS NOT NULL AND ${isOpen}`,
  // By each call of an operator about a certificate.
  'CREATE INDEX certificate_named ON certificate (common_name)',
]
