import type { Database } from '../database.ts'
import type { JobStore } from '../job-store.ts'
import { isOpen } from '../migration/first-schema.ts'

/** How the history of jobs stays bounded. */
export function forgettingOf(db: Database): Pick<JobStore, 'forget'> {
  return {
    forget: async (before, after, limit) => {
      const [part] = await db.query(
        `SELECT max(seq) AS last FROM (
          SELECT seq, updated_at FROM job WHERE seq > $1 ORDER BY seq LIMIT $2) AS part WHERE updated_at < $3`,
        [after, limit, before],
      )
      const last = part?.['last']
      if (typeof last !== 'number') return null
      await db.query(
        `DELETE FROM job WHERE seq > $1 AND seq <= $2 AND updated_at < $3 AND NOT (${isOpen}) AND EXISTS (
          SELECT 1 FROM job AS later WHERE later.certificate_id = job.certificate_id AND later.seq > job.seq
            AND later.target_id IS NOT DISTINCT FROM job.target_id AND later.type = job.type AND later.status = 'Completed')`,
        [after, last, before],
      )
      return last
    },
  }
}
