import { isOpen } from './first-schema.ts'

/** What a poll asks for each time, and there almost never is: without it, all that an agent ever did is read for it. */
export const jobsToCancel: readonly string[] = [
  `CREATE INDEX job_to_cancel ON job (agent_id, seq) WHERE cancel_requested_at IS NOT NULL AND ${isOpen}`,
]
