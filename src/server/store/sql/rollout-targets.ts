import type { WaveCount } from '../../rollout/stop-rule.ts'
import type { Database } from '../database.ts'
import { isUnwell } from '../migration/first-schema.ts'
import type {
  ListedRolloutTarget,
  RolloutCandidate,
  RolloutTargetRow,
  RolloutTargetState,
  WaveState,
} from '../rollout-rows.ts'
import type { RolloutStore } from '../rollout-store.ts'
import { changeWhere, fromRows } from './columns.ts'
import { isLabelled } from './labels.ts'

type Targets = Omit<
  RolloutStore,
  'add' | 'named' | 'names' | 'list' | 'live' | 'take' | 'lock' | 'change' | 'cancelUntaken' | 'countByState'
>

const hasEnded = (job: 'job' | 'issuance'): string => `${job}.status IN ('Completed', 'Failed', 'Cancelled')`
const aPiece = 500

/** Targets of roll-outs over SQL. */
export function rolloutTargetsOf(db: Database): Targets {
  return { ...choiceOf(db), ...ofJobs(db), ...nextOf(db), ...countsOf(db), ...changesOf(db) }
}

/** Who reads rows of targets. */
function rowsOf(db: Database) {
  return async (sql: string, values: Parameters<Database['query']>[1]) =>
    fromRows<RolloutTargetRow>(await db.query(sql, values))
}

/** Which targets a new one is for. */
function choiceOf(db: Database): Pick<Targets, 'candidates' | 'busyWith'> {
  return {
    candidates: async (labels, limit) => {
      const labelled = isLabelled('target.agent_id', labels, 2)
      return fromRows<RolloutCandidate>(
        await db.query(
          `SELECT target.id AS target_id, target.name AS target_name, agent.id AS agent_id, agent.name AS agent_name,
              job.certificate_id, certificate.renew_share, version.not_before, version.not_after
            FROM target JOIN agent ON agent.id = target.agent_id LEFT JOIN job ON job.seq = (
              SELECT MAX(seq) FROM job AS done WHERE done.target_id = target.id AND done.status = 'Completed'
                AND done.type IN ('Deployment', 'TakeBack'))
              LEFT JOIN certificate ON certificate.id = job.certificate_id
              LEFT JOIN version ON version.certificate_id = job.certificate_id AND version.number = job.version_number
            WHERE agent.status = 'active' ${labelled.sql} ORDER BY agent.name, target.name LIMIT $1`,
          [limit, ...labelled.values],
        ),
      )
    },
    busyWith: async (targetIds) => {
      for (let at = 0; at < targetIds.length; at += aPiece) {
        const piece = targetIds.slice(at, at + aPiece)
        const [row] = await db.query(
          `SELECT rollout.name FROM rollout_target JOIN rollout ON rollout.id = rollout_target.rollout_id
            WHERE rollout.state IN ('running', 'stopped', 'taking-back')
              AND rollout_target.target_id IN (${piece.map((_, place) => `$${place + 1}`).join(', ')}) LIMIT 1`,
          piece,
        )
        if (row !== undefined) return String(row['name'])
      }
      return null
    },
  }
}

/** Which targets a job or a certificate is for. */
function ofJobs(db: Database): Pick<Targets, 'ofJob' | 'holds' | 'ofCertificate'> {
  const rows = rowsOf(db)
  return {
    ofJob: (jobId) =>
      rows(
        `SELECT * FROM rollout_target WHERE job_id = $1
          UNION ALL SELECT * FROM rollout_target WHERE issuance_id = $1 AND job_id IS NULL`,
        [jobId],
      ),
    holds: async (jobId) =>
      (
        await db.query(
          `SELECT 1 AS found FROM rollout_target JOIN rollout ON rollout.id = rollout_id
            WHERE job_id = $1 AND rollout.state NOT IN ('done', 'abandoned')`,
          [jobId],
        )
      ).length > 0,
    ofCertificate: (id, certificateId) =>
      rows('SELECT * FROM rollout_target WHERE rollout_id = $1 AND certificate_id = $2 ORDER BY target_id', [
        id,
        certificateId,
      ]),
  }
}

/** Which targets of one are looked at next. */
function nextOf(db: Database): Pick<Targets, 'waiting' | 'unsettled' | 'toTakeBack' | 'listTargets'> {
  const rows = rowsOf(db)
  return {
    waiting: (id, wave, limit) =>
      rows(
        `SELECT * FROM rollout_target WHERE rollout_id = $1 AND wave = $2 AND state = 'waiting'
          ORDER BY agent_id, target_id LIMIT $3`,
        [id, wave, limit],
      ),
    unsettled: (id, at, heardBy, { after = '', limit }) =>
      rows(
        `SELECT rollout_target.* FROM rollout_target LEFT JOIN job ON job.id = rollout_target.job_id
            LEFT JOIN job AS issuance ON issuance.id = rollout_target.issuance_id
          WHERE rollout_target.rollout_id = $1 AND rollout_target.state = 'open' AND rollout_target.target_id > $4 AND (
            since - spent_ms <= $3 OR ${hasEnded('job')} OR job.hand_out_until <= $2
            OR (job.id IS NULL AND (${hasEnded('issuance')} OR issuance.hand_out_until <= $2))
            OR (near_end_at <= $2 AND is_hurried = 0 AND COALESCE(job.not_before, issuance.not_before) > $2))
          ORDER BY rollout_target.target_id LIMIT $5`,
        [id, at, heardBy, after, limit],
      ),
    toTakeBack: (id, limit) =>
      rows(
        `SELECT * FROM rollout_target WHERE rollout_id = $1 AND job_id IS NOT NULL AND state IN ('proven', 'failed', 'skipped')
            AND take_back_id IS NULL AND take_back_note IS NULL ORDER BY target_id LIMIT $2`,
        [id, limit],
      ),
    listTargets: async (id, { after = '', limit }, state) =>
      fromRows<ListedRolloutTarget>(
        await db.query(
          `SELECT rollout_target.*, agent.name AS agent_name, target.name AS target_name, job.status AS take_back_status
            FROM rollout_target JOIN agent ON agent.id = rollout_target.agent_id JOIN target ON target.id = rollout_target.target_id
              LEFT JOIN job ON job.id = rollout_target.take_back_id
            WHERE rollout_id = $1 AND rollout_target.target_id > $2 AND ($4 = '' OR rollout_target.state = $4)
            ORDER BY rollout_target.target_id LIMIT $3`,
          [id, after, limit, state ?? ''],
        ),
      ),
  }
}

function countsOf(db: Database): Pick<Targets, 'countOpen' | 'waveCounts' | 'waveStates' | 'countTargets'> {
  return {
    countOpen: async (id, wave = 0) => {
      const [row] = await db.query(
        `SELECT count(*) AS count FROM rollout_target WHERE rollout_id = $1 AND state = 'open' AND ($2 = 0 OR wave = $2)`,
        [id, wave],
      )
      return Number(row?.['count'] ?? 0)
    },
    waveCounts: async (id) =>
      fromRows<WaveCount>(
        await db.query(
          `SELECT wave, count(DISTINCT agent_id) AS hosts,
              count(DISTINCT CASE WHEN state = 'failed' AND is_counted = 1 THEN agent_id END) AS failed
            FROM rollout_target WHERE rollout_id = $1 GROUP BY wave ORDER BY wave`,
          [id],
        ),
      ),
    waveStates: async (id) =>
      fromRows<WaveState>(
        await db.query(
          `SELECT wave, state, count(*) AS targets, count(DISTINCT agent_id) AS hosts FROM rollout_target
            WHERE rollout_id = $1 GROUP BY wave, state ORDER BY wave, state`,
          [id],
        ),
      ),
    countTargets: async () =>
      (
        await db.query(
          `SELECT rollout_target.state, count(*) AS count FROM rollout_target JOIN rollout ON rollout.id = rollout_id
            WHERE rollout.state IN ('running', 'stopped', 'taking-back') GROUP BY rollout_target.state`,
        )
      ).map(({ state, count }) => ({ state: state as RolloutTargetState, count: Number(count) })),
  }
}

function changesOf(db: Database): Pick<Targets, 'changeTarget' | 'forgive'> {
  return {
    changeTarget: ({ rolloutId, targetId }, fields) =>
      changeWhere(db, 'rollout_target', { rolloutId, targetId }, fields),
    forgive: async (id, wave) => {
      await db.query("UPDATE rollout_target SET is_counted = 0 WHERE rollout_id = $1 AND state = 'failed'", [id])
      if (wave === null) return
      await db.query(
        `UPDATE rollout_target SET state = 'waiting', wave = $2, since = NULL, spent_ms = 0, job_id = NULL, issuance_id = NULL, is_joined = 0,
            is_recalled = 0, is_counted = 1, is_hurried = 0, error = NULL
          WHERE rollout_id = $1 AND state = 'failed' AND NOT EXISTS (
            SELECT 1 FROM job WHERE id = rollout_target.job_id AND NOT (status = 'Completed' OR ${isUnwell}))`,
        [id, wave],
      )
    },
  }
}
