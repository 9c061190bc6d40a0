/**
 * SQL about a row of `job`: nothing of DANE holds it up. A target with roll-over is deployed to with a pass alone, and that is for one
 * version: where another is the newest by now, it is none.
 */
export function isPassed(at: '$1' | '$2'): string {
  return `(job.target_id IS NULL OR job.type NOT IN ('Deployment', 'TakeBack')
    OR NOT EXISTS (SELECT 1 FROM rollover_target WHERE rollover_target.target_id = job.target_id)
    OR EXISTS (SELECT 1 FROM rollover_pass WHERE rollover_pass.job_id = job.id AND rollover_pass.until > ${at}
      AND (job.type = 'TakeBack' OR rollover_pass.version_number =
        (SELECT MAX(number) FROM version WHERE version.certificate_id = job.certificate_id))))`
}

/**
 * SQL about a row of `job`: what it would bring to its target was revoked. A target goes back to the version that was meant, and gets the
 * newest otherwise.
 */
export const bringsRevoked = `(job.type IN ('Deployment', 'TakeBack') AND EXISTS (
    SELECT 1 FROM version WHERE version.certificate_id = job.certificate_id AND version.revoked_at IS NOT NULL AND version.number = COALESCE(
      (SELECT meant.number FROM version AS meant
        WHERE job.type = 'TakeBack' AND meant.certificate_id = job.certificate_id AND meant.number = job.version_number),
      (SELECT MAX(newest.number) FROM version AS newest WHERE newest.certificate_id = job.certificate_id))))`
