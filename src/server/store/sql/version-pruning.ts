import type { Database } from '../database.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { VersionPruning } from '../version-pruning.ts'
import { isHeld } from './holds.ts'

const deploys = "type IN ('Deployment', 'TakeBack')"

/** A target has at most two pairs that matter: the one that was deployed last, and the one that it goes back to. */
const isOnHost = `EXISTS (SELECT 1 FROM job WHERE job.certificate_id = version.certificate_id AND job.version_number = version.number
  AND (${isOpen} OR (${deploys} AND NOT EXISTS (SELECT 1 FROM job AS later WHERE later.target_id = job.target_id
    AND later.seq > job.seq AND later.${deploys} AND later.status = 'Completed' LIMIT 1 OFFSET 1))))`

const isInRollout = `EXISTS (SELECT 1 FROM rollout_target JOIN rollout ON rollout.id = rollout_target.rollout_id
  WHERE rollout_target.certificate_id = version.certificate_id AND rollout_target.before_version = version.number
    AND rollout.state IN ('running', 'stopped', 'taking-back'))`

/** How the history of versions stays bounded, over SQL. */
export function sqlPruning(db: Database): VersionPruning {
  return {
    prune: ({ keep, endedBefore }, after, certificates) =>
      db.transaction(async (inside) => {
        const [part] = await inside.query(
          'SELECT max(id) AS last FROM (SELECT id FROM certificate WHERE id > $1 ORDER BY id LIMIT $2) AS part',
          [after, certificates],
        )
        const last = part?.['last']
        if (typeof last !== 'string') return null
        const pruned = await inside.query(
          `DELETE FROM version WHERE certificate_id > $1 AND certificate_id <= $2 AND not_after < $3 AND revoked_at IS NULL
            AND number <= (SELECT max(each.number) FROM version AS each WHERE each.certificate_id = version.certificate_id) - $4
            AND NOT EXISTS (SELECT 1 FROM certificate WHERE certificate.id = version.certificate_id AND ${isHeld('certificate')})
            AND NOT ${isOnHost} AND NOT ${isInRollout} RETURNING certificate_id, number`,
          [after, last, endedBefore, keep],
        )
        if (pruned.length > 0)
          await inside.query(
            `DELETE FROM renewal_info WHERE certificate_id > $1 AND certificate_id <= $2 AND NOT EXISTS (
              SELECT 1 FROM version WHERE version.certificate_id = renewal_info.certificate_id
                AND version.number = renewal_info.number)`,
            [after, last],
          )
        return { last, count: pruned.length }
      }),
  }
}
