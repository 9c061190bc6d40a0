import type { Database } from '../database.ts'
import { isOpen } from '../migration/first-schema.ts'
import type {
  RolloverNameRow,
  RolloverPass,
  RolloverRow,
  SharingTarget,
  TlsaElsewhere,
  TlsaRow,
  TlsaState,
} from '../rollover-rows.ts'
import type { ListedRollover, RolloverStore } from '../rollover-store.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { isPassed } from './job-passes.ts'

/** Whether a name is this one, or ends where this one does: the same name leads to the same end, whatever was found there last. */
const endsThere = '(rollover_name.name = $2 OR rollover_name.end_name = $3)'
/** Targets that an answer names at most. */
const mostOutside = 5

/** Tables with what belongs to a target with roll-over, which goes before the row of the target itself. */
const belongings = ['rollover_pass', 'tlsa_record', 'rollover_name', 'rollover_target'] as const

/** DANE roll-overs over SQL. */
export function sqlRollovers(db: Database): RolloverStore {
  return {
    ...targetsOf(db),
    ...recordsOf(db),
    ...othersOf(db),
    ...passesOf(db),
    openKeys: async (targetId) =>
      (
        await db.query(
          `SELECT DISTINCT spki FROM signing JOIN deploy_to ON deploy_to.certificate_id = signing.certificate_id
            WHERE deploy_to.target_id = $1 AND signing.state = 'open' ORDER BY spki`,
          [targetId],
        )
      ).map(({ spki }) => String(spki)),
    certificatesOf: async (targetId) =>
      (
        await db.query('SELECT certificate_id FROM deploy_to WHERE target_id = $1 ORDER BY certificate_id', [targetId])
      ).map(({ certificate_id }) => String(certificate_id)),
  }
}

type Targets = Pick<RolloverStore, 'add' | 'remove' | 'list' | 'due' | 'of' | 'take' | 'lock' | 'plan' | 'hasten'>

function targetsOf(db: Database): Targets {
  const one = async (targetId: string, lock: string) =>
    firstOf<RolloverRow>(await db.query(`SELECT * FROM rollover_target WHERE target_id = $1 ${lock}`, [targetId]))
  return {
    add: (row) => insert(db, 'rollover_target', row),
    remove: (targetId) =>
      db.transaction(async (inside) => {
        // Whoever settles it writes its rows behind this lock, or finds it gone.
        await inside.query(`SELECT 1 AS held FROM rollover_target WHERE target_id = $1 ${db.dialect.forUpdate}`, [
          targetId,
        ])
        let removed = 0
        for (const table of belongings)
          removed = (
            await inside.query(`DELETE FROM ${table} WHERE target_id = $1 RETURNING 1 AS was_here`, [targetId])
          ).length
        return removed > 0
      }),
    list: async ({ after = '', limit }, { targetId = '', agentId = '' } = {}) =>
      fromRows<ListedRollover>(
        await db.query(
          `SELECT rollover_target.*, target.name AS target_name, target.agent_id, agent.name AS agent_name
            FROM rollover_target JOIN target ON target.id = rollover_target.target_id JOIN agent ON agent.id = target.agent_id
            WHERE target.name > $1 AND ($3 = '' OR target.id = $3) AND ($4 = '' OR target.agent_id = $4)
            ORDER BY target.name LIMIT $2`,
          [after, limit, targetId, agentId],
        ),
      ),
    due: async (at, limit) =>
      (
        await db.query(
          'SELECT target_id FROM rollover_target WHERE next_look_at <= $1 ORDER BY next_look_at, target_id LIMIT $2',
          [at, limit],
        )
      ).map(({ target_id }) => String(target_id)),
    of: (targetId) => one(targetId, ''),
    take: (targetId) => one(targetId, db.dialect.skipLocked),
    lock: (targetId) => one(targetId, db.dialect.forUpdate),
    plan: async (targetId, nextLookAt) => {
      await db.query('UPDATE rollover_target SET next_look_at = $2 WHERE target_id = $1', [targetId, nextLookAt])
    },
    hasten: async (targetId, at) => {
      await db.query('UPDATE rollover_target SET next_look_at = $2 WHERE target_id = $1 AND next_look_at > $2', [
        targetId,
        at,
      ])
    },
  }
}

type Records = Pick<
  RolloverStore,
  'names' | 'putName' | 'removeName' | 'records' | 'putRecord' | 'removeRecord' | 'elsewhere' | 'countRecords'
>

function recordsOf(db: Database): Records {
  const replace = (table: string, keys: readonly string[], row: object): Promise<void> =>
    db.transaction(async (inside) => {
      const values = Object.values(row).slice(0, keys.length) as string[]
      const where = keys.map((key, at) => `${key} = $${at + 1}`).join(' AND ')
      await inside.query(`DELETE FROM ${table} WHERE ${where}`, values)
      await insert(inside, table, row)
    })
  return {
    names: async (targetId) =>
      fromRows<RolloverNameRow>(
        await db.query('SELECT * FROM rollover_name WHERE target_id = $1 ORDER BY name', [targetId]),
      ),
    putName: ({ targetId, name, ...rest }) =>
      replace('rollover_name', ['target_id', 'name'], { targetId, name, ...rest }),
    removeName: async (targetId, name) => {
      for (const table of ['tlsa_record', 'rollover_name'])
        await db.query(`DELETE FROM ${table} WHERE target_id = $1 AND name = $2`, [targetId, name])
    },
    records: async (targetId) =>
      fromRows<TlsaRow>(
        await db.query('SELECT * FROM tlsa_record WHERE target_id = $1 ORDER BY name, spki', [targetId]),
      ),
    putRecord: ({ targetId, name, spki, ...rest }) =>
      replace('tlsa_record', ['target_id', 'name', 'spki'], { targetId, name, spki, ...rest }),
    removeRecord: async ({ targetId, name, spki }) => {
      await db.query('DELETE FROM tlsa_record WHERE target_id = $1 AND name = $2 AND spki = $3', [targetId, name, spki])
    },
    elsewhere: async ({ targetId, name }, endName) =>
      fromRows<TlsaElsewhere>(
        await db.query(
          `SELECT spki, state, is_by_other, CASE WHEN ${endsThere} THEN 1 ELSE 0 END AS is_there
            FROM rollover_name JOIN tlsa_record
              ON tlsa_record.target_id = rollover_name.target_id AND tlsa_record.name = rollover_name.name
            WHERE NOT (rollover_name.target_id = $1 AND rollover_name.name = $2) AND (${endsThere} OR end_name IS NULL)`,
          [targetId, name, endName],
        ),
      ),
    countRecords: async (at) =>
      (
        await db.query(
          `SELECT CASE WHEN state = 'published' AND seen_at + wait_ms <= $1 THEN 'usable' ELSE state END AS state,
              count(*) AS count FROM tlsa_record GROUP BY 1`,
          [at],
        )
      ).map(({ state, count }) => ({ state: state as TlsaState | 'usable', count: Number(count) })),
  }
}

type Others = Pick<RolloverStore, 'sharing' | 'outside'>

function othersOf(db: Database): Others {
  return {
    sharing: async ({ targetId, name }, endName) =>
      fromRows<SharingTarget>(
        await db.query(
          `SELECT rollover_target.target_id, target.name AS target_name, turned_on_at, looked_at,
              CASE WHEN ${endsThere} THEN 1 ELSE 0 END AS is_there
            FROM rollover_name JOIN rollover_target ON rollover_target.target_id = rollover_name.target_id
              JOIN target ON target.id = rollover_name.target_id
            WHERE rollover_name.target_id <> $1 AND (${endsThere} OR end_name IS NULL)
            ORDER BY target.name`,
          [targetId, name, endName],
        ),
      ),
    outside: async ({ targetId, name }, endName, host) =>
      (
        await db.query(
          `SELECT DISTINCT target.name FROM target JOIN agent ON agent.id = target.agent_id AND agent.status = 'active'
              JOIN deploy_to ON deploy_to.target_id = target.id JOIN certificate ON certificate.id = deploy_to.certificate_id
            WHERE target.id <> $1 AND target.type = (SELECT own.type FROM target AS own WHERE own.id = $1)
              AND (lower(common_name) = $4 OR lower(sans) LIKE $5)
              AND NOT EXISTS (SELECT 1 FROM rollover_name WHERE rollover_name.target_id = target.id AND ${endsThere})
              AND NOT EXISTS (SELECT 1 FROM deploy_to AS own WHERE own.target_id = $1 AND own.certificate_id = certificate.id)
            ORDER BY target.name LIMIT $6`,
          [targetId, name, endName, host, `%"${host}"%`, mostOutside],
        )
      ).map((row) => String(row['name'])),
  }
}

type Passes = Pick<RolloverStore, 'putPasses' | 'passes' | 'isWithheld' | 'countWaiting'>

function passesOf(db: Database): Passes {
  return {
    putPasses: (targetId, passes) =>
      db.transaction(async (inside) => {
        const known = new Set(
          (await inside.query('DELETE FROM rollover_pass WHERE target_id = $1 RETURNING job_id', [targetId])).map(
            ({ job_id }) => String(job_id),
          ),
        )
        for (const pass of passes) await insert(inside, 'rollover_pass', { ...pass, targetId })
        // Whoever waits for work is told that there is some.
        for (const { jobId } of passes.filter((pass) => !known.has(pass.jobId))) {
          const [job] = await inside.query("SELECT agent_id FROM job WHERE id = $1 AND status = 'Pending'", [jobId])
          if (job !== undefined) await inside.notify(String(job['agent_id']))
        }
      }),
    passes: async (targetId) =>
      fromRows<RolloverPass>(
        await db.query('SELECT job_id, version_number, until FROM rollover_pass WHERE target_id = $1 ORDER BY job_id', [
          targetId,
        ]),
      ),
    isWithheld: async (agentId, certificateId, versionNumber, at, endedAfter) =>
      (
        await db.query(
          `SELECT 1 AS is_withheld FROM job JOIN rollover_target ON rollover_target.target_id = job.target_id
            WHERE agent_id = $1 AND certificate_id = $2 AND type = 'Deployment' AND attempt > 0
              AND (${isOpen} OR (is_reaped = 1 AND updated_at > $5))
              AND NOT EXISTS (SELECT 1 FROM rollover_pass WHERE rollover_pass.job_id = job.id AND version_number = $3 AND until > $4)
            LIMIT 1`,
          [agentId, certificateId, versionNumber, at, endedAfter],
        )
      ).length > 0,
    countWaiting: async (at) => {
      const [jobs] = await db.query(
        `SELECT count(*) AS count FROM job JOIN rollover_target ON rollover_target.target_id = job.target_id
          WHERE status = 'Pending' AND ${isOpen} AND NOT (${isPassed('$1')})`,
        [at],
      )
      const [problems] = await db.query(
        'SELECT count(*) AS count, count(DISTINCT target_id) AS targets FROM rollover_name WHERE problem IS NOT NULL',
      )
      return {
        jobs: Number(jobs?.['count'] ?? 0),
        problems: Number(problems?.['count'] ?? 0),
        targets: Number(problems?.['targets'] ?? 0),
      }
    },
  }
}
