import type { Database } from '../database.ts'
import type { ConditionStore, LateForRecords, TroubledName } from '../matter-store.ts'
import { isOpen } from '../migration/first-schema.ts'
import { fromRows } from './columns.ts'
import { isPassed } from './job-passes.ts'

const ofActive = (targetId: string): string =>
  `JOIN target ON target.id = ${targetId} JOIN agent ON agent.id = target.agent_id AND agent.status = 'active'`

/** The key that a job would bring now. */
const keyOfJob = `(SELECT version.spki FROM version WHERE version.certificate_id = job.certificate_id AND version.number = CASE
  WHEN job.type = 'TakeBack' AND job.version_number IS NOT NULL THEN job.version_number
  ELSE (SELECT max(number) FROM version AS newest WHERE newest.certificate_id = job.certificate_id) END)`

/** What of DANE wants a person, over SQL. */
export function daneConditions(db: Database): Pick<ConditionStore, 'troubledNames' | 'lateForRecords'> {
  return {
    troubledNames: async (first, limit) =>
      fromRows<TroubledName>(
        await db.query(
          `SELECT rollover_name.target_id, rollover_name.name, end_name, is_by_hand, problem, seen, target.name AS target_name,
              agent.name AS agent_name
            FROM rollover_name ${ofActive('rollover_name.target_id')}
            WHERE problem IS NOT NULL OR (is_by_hand = 1 AND EXISTS (
              SELECT 1 FROM tlsa_record WHERE tlsa_record.target_id = rollover_name.target_id
                AND tlsa_record.name = rollover_name.name AND tlsa_record.state = 'wanted' AND is_by_other = 0))
            ORDER BY CASE WHEN problem IS NOT NULL AND substr(problem, 1, length($1)) = $1 THEN 0 ELSE 2 - is_by_hand END,
              rollover_name.target_id, rollover_name.name
            LIMIT $2`,
          [first, limit],
        ),
      ),
    lateForRecords: async (at, { beyondTtlsMs, atAllMs }, limit) =>
      fromRows<LateForRecords>(
        await db.query(
          `SELECT job.target_id, target.name AS target_name, agent.name AS agent_name, certificate.common_name, job.type, job.created_at
            FROM job JOIN rollover_target ON rollover_target.target_id = job.target_id ${ofActive('job.target_id')}
            JOIN certificate ON certificate.id = job.certificate_id
            WHERE job.status = 'Pending' AND job.${isOpen} AND NOT (${isPassed('$1')}) AND job.created_at <= $2
              AND (job.created_at <= $3 OR NOT EXISTS (
                SELECT 1 FROM tlsa_record WHERE tlsa_record.target_id = job.target_id AND tlsa_record.spki = ${keyOfJob}
                  AND CASE WHEN seen_at IS NULL THEN changed_at ELSE seen_at + wait_ms END > $2))
            ORDER BY job.seq LIMIT $4`,
          [at, at - beyondTtlsMs, at - atAllMs, limit],
        ),
      ),
  }
}
