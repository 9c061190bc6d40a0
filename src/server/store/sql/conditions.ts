import type { Database } from '../database.ts'
import type {
  ConditionStore,
  DriftingTarget,
  FailedDeployment,
  FailingRenewal,
  NearEnd,
  SilentAgent,
} from '../matter-store.ts'
import { fromRows } from './columns.ts'
import { daneConditions } from './dane-conditions.ts'

const mostOfError = 2000
const ofDeployments = "type IN ('Deployment', 'TakeBack')"
const ofActive = "agent.status = 'active'"
/** Somebody renews it. */
const isRenewed = `${ofActive} AND certificate.next_renewal_at IS NOT NULL`

/** What wants a person, over SQL. */
export function sqlConditions(db: Database): ConditionStore {
  return {
    failedDeployments: async (limit) =>
      fromRows<FailedDeployment>(
        await db.query(
          `SELECT job.target_id, job.agent_id, agent.name AS agent_name, target.name AS target_name, certificate.common_name,
              substr(COALESCE(job.error, ''), 1, ${mostOfError}) AS error, job.outcome
            FROM job JOIN agent ON agent.id = job.agent_id AND ${ofActive} JOIN target ON target.id = job.target_id
            JOIN certificate ON certificate.id = job.certificate_id
            WHERE job.status = 'Failed' AND job.${ofDeployments} AND NOT EXISTS (
              SELECT 1 FROM job AS newer WHERE newer.target_id = job.target_id AND newer.seq > job.seq
                AND newer.${ofDeployments} AND newer.status IN ('Completed', 'Failed'))
            ORDER BY job.seq LIMIT $1`,
          [limit],
        ),
      ),
    nearEnds: async (at, limit) =>
      fromRows<NearEnd>(
        await db.query(
          `SELECT certificate.id AS certificate_id, agent.id AS agent_id, agent.name AS agent_name, certificate.common_name,
              certificate.renew_share, version.not_before, version.not_after
            FROM certificate JOIN agent ON agent.id = certificate.agent_id JOIN version ON version.certificate_id = certificate.id
              AND version.number = (SELECT max(number) FROM version AS newest WHERE newest.certificate_id = certificate.id)
            WHERE ${isRenewed} AND ($1 - version.not_before) * 10 >= (version.not_after - version.not_before) * 7
            ORDER BY version.not_after, certificate.id LIMIT $2`,
          [at, limit],
        ),
      ),
    failingRenewals: async (limit) =>
      fromRows<FailingRenewal>(
        await db.query(
          `SELECT certificate.id AS certificate_id, agent.id AS agent_id, agent.name AS agent_name, certificate.common_name,
              certificate.issuers, substr(certificate.last_error, 1, ${mostOfError}) AS last_error
            FROM certificate JOIN agent ON agent.id = certificate.agent_id
            WHERE ${isRenewed} AND certificate.last_error IS NOT NULL ORDER BY certificate.id LIMIT $1`,
          [limit],
        ),
      ),
    stoppedRollouts: async (limit) =>
      (await db.query("SELECT name, reason FROM rollout WHERE state = 'stopped' ORDER BY id LIMIT $1", [limit])).map(
        ({ name, reason }) => ({ name: String(name), reason: reason === null ? null : String(reason) }),
      ),
    silentSince: async (at, limit) =>
      fromRows<SilentAgent>(
        await db.query(
          `SELECT agent.id, agent.name, presence.seen_at FROM agent JOIN presence ON presence.agent_id = agent.id
            WHERE ${ofActive} AND presence.seen_at < $1 ORDER BY agent.id LIMIT $2`,
          [at, limit],
        ),
      ),
    drifting: async (limit) =>
      fromRows<DriftingTarget>(
        await db.query(
          `SELECT target.id, target.name, agent.id AS agent_id, agent.name AS agent_name, drift.reasons
            FROM drift JOIN target ON target.id = drift.target_id JOIN agent ON agent.id = target.agent_id AND ${ofActive}
            ORDER BY target.id LIMIT $1`,
          [limit],
        ),
      ),
    ...daneConditions(db),
    twins: async (since, limit) =>
      (
        await db.query(
          `SELECT agent.id, agent.name, presence.twin FROM agent JOIN presence ON presence.agent_id = agent.id
            WHERE ${ofActive} AND presence.twin IS NOT NULL AND presence.twin_at > $1 ORDER BY agent.id LIMIT $2`,
          [since, limit],
        )
      ).map(({ id, name, twin }) => ({ id: String(id), name: String(name), twin: String(twin) })),
  }
}
