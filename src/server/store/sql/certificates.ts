import type { Database } from '../database.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { CertificateRow, VersionRow } from '../rows.ts'
import type { CertificateStore, VersionStore } from '../store.ts'
import { firstOf, fromRows, insert, toColumn } from './columns.ts'
import { isHeld } from './holds.ts'

/** Certificates over SQL. */
export function sqlCertificates(db: Database): CertificateStore {
  return {
    add: (certificate, deployTo) =>
      db.transaction(async (inside) => {
        await insert(inside, 'certificate', certificate)
        for (const targetId of new Set(deployTo))
          await insert(inside, 'deploy_to', { certificateId: certificate.id, targetId })
      }),
    byId: async (id) => firstOf<CertificateRow>(await db.query('SELECT * FROM certificate WHERE id = $1', [id])),
    named: async (text) => {
      const rows = await db.query('SELECT * FROM certificate WHERE id = $1 OR common_name = $1 ORDER BY id', [text])
      const found = fromRows<CertificateRow>(rows)
      const byId = found.find(({ id }) => id === text)
      return byId === undefined ? found : [byId]
    },
    names: async () =>
      (await db.query('SELECT DISTINCT common_name FROM certificate ORDER BY common_name LIMIT 1000')).map(
        ({ common_name }) => String(common_name),
      ),
    list: async ({ after = '', limit }) =>
      fromRows<CertificateRow>(
        await db.query('SELECT * FROM certificate WHERE id > $1 ORDER BY id LIMIT $2', [after, limit]),
      ),
    ofAgent: async (agentId) =>
      (await db.query('SELECT id FROM certificate WHERE agent_id = $1 ORDER BY id', [agentId])).map(({ id }) =>
        String(id),
      ),
    deployedTo: async (id) =>
      (await db.query('SELECT target_id FROM deploy_to WHERE certificate_id = $1 ORDER BY target_id', [id])).map(
        ({ target_id }) => String(target_id),
      ),
    stillDeployedTo: async (id) =>
      (
        await db.query(
          `SELECT target_id FROM deploy_to WHERE certificate_id = $1 AND NOT EXISTS (
              SELECT 1 FROM job WHERE target_id = deploy_to.target_id AND certificate_id <> $1 AND status = 'Completed'
                AND type IN ('Deployment', 'TakeBack') AND seq > (
                  SELECT seq FROM job AS own WHERE own.target_id = deploy_to.target_id AND own.certificate_id = $1
                    AND own.type IN ('Deployment', 'TakeBack') ORDER BY seq DESC LIMIT 1))
            ORDER BY target_id`,
          [id],
        )
      ).map(({ target_id }) => String(target_id)),
    lock: async (id) =>
      firstOf<CertificateRow>(await db.query(`SELECT * FROM certificate WHERE id = $1 ${db.dialect.forUpdate}`, [id])),
    due: async (at, limit) =>
      fromRows<CertificateRow>(
        await db.query(
          `SELECT * FROM certificate WHERE next_renewal_at <= $1 AND NOT EXISTS (
              SELECT 1 FROM job WHERE certificate_id = certificate.id AND type IN ('Issuance', 'Renewal') AND ${isOpen})
              AND NOT ${isHeld('certificate')}
            ORDER BY COALESCE((SELECT MAX(not_after) FROM version WHERE certificate_id = certificate.id), 0), next_renewal_at
            LIMIT $2 ${db.dialect.skipLocked}`,
          [at, limit],
        ),
      ),
    plan: async (id, { nextRenewalAt, renewalFailures, lastError, revokedAt }) => {
      await db.query(
        'UPDATE certificate SET next_renewal_at = $2, renewal_failures = $3, last_error = $4 WHERE id = $1',
        [id, nextRenewalAt, renewalFailures, lastError],
      )
      if (revokedAt !== undefined)
        await db.query('UPDATE certificate SET revoked_at = $2 WHERE id = $1', [id, toColumn(revokedAt)])
    },
    setPolicy: async (id, { renewShare, issuers, keyPolicy }) => {
      await db.query('UPDATE certificate SET renew_share = $2, issuers = $3, key_policy = $4 WHERE id = $1', [
        id,
        renewShare,
        toColumn(issuers),
        keyPolicy,
      ])
    },
  }
}

/** Versions of certificates over SQL. */
export function sqlVersions(db: Database): VersionStore {
  const newest: VersionStore['newest'] = async (certificateId) =>
    firstOf<VersionRow>(
      await db.query('SELECT * FROM version WHERE certificate_id = $1 ORDER BY number DESC LIMIT 1', [certificateId]),
    )
  return {
    newest,
    add: async (version) => {
      await insert(db, 'version', version)
    },
    onTarget: async (targetId) => {
      const [row] = await db.query(
        `SELECT certificate_id FROM job
          WHERE target_id = $1 AND type IN ('Deployment', 'TakeBack') AND status = 'Completed' ORDER BY seq DESC LIMIT 1`,
        [targetId],
      )
      return row === undefined ? null : newest(String(row['certificate_id']))
    },
    list: async (certificateId, limit) =>
      fromRows<VersionRow>(
        await db.query('SELECT * FROM version WHERE certificate_id = $1 ORDER BY number DESC LIMIT $2', [
          certificateId,
          limit,
        ]),
      ),
    revoke: async (certificateId, number, at) => {
      await db.query(
        'UPDATE version SET revoked_at = $3 WHERE certificate_id = $1 AND number = $2 AND revoked_at IS NULL',
        [certificateId, number, at],
      )
    },
    revoked: async (at) =>
      fromRows<VersionRow>(
        await db.query('SELECT * FROM version WHERE revoked_at IS NOT NULL AND not_after > $1 ORDER BY not_after', [
          at,
        ]),
      ),
  }
}
