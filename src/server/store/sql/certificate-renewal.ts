import type { Database } from '../database.ts'
import { isOpen } from '../migration/first-schema.ts'
import type { CertificateRow } from '../rows.ts'
import type { CertificateStore } from '../store.ts'
import { change, firstOf, fromRows } from './columns.ts'
import { isHeld } from './holds.ts'
import { neededBy } from './needed-by.ts'

type Renewal = Pick<CertificateStore, 'stillDeployedTo' | 'lock' | 'due' | 'planned' | 'plan' | 'setPolicy'>

/** When certificates are renewed, and for which targets. */
export function renewalOf(db: Database): Renewal {
  return {
    stillDeployedTo: async (id) =>
      (
        await db.query(
          `SELECT target_id FROM deploy_to WHERE certificate_id = $1 AND NOT EXISTS (
              SELECT 1 FROM job WHERE target_id = deploy_to.target_id AND certificate_id <> $1 AND status = 'Completed'
                AND type IN ('Deployment', 'TakeBack') AND seq > (
                  SELECT seq FROM job AS own WHERE own.target_id = deploy_to.target_id AND own.certificate_id = $1
                    AND own.type IN ('Deployment', 'TakeBack')
                    AND (own.is_by_host = 0 OR own.status = 'Completed') ORDER BY seq DESC LIMIT 1))
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
            ORDER BY ${neededBy('certificate.id', '0')}, next_renewal_at
            LIMIT $2 ${db.dialect.skipLocked}`,
          [at, limit],
        ),
      ),
    planned: async (until, { after = '', limit }) =>
      fromRows<CertificateRow>(
        await db.query(
          `SELECT * FROM certificate WHERE id > $2 AND (next_renewal_at <= $1 OR (next_renewal_at IS NULL
              AND (SELECT not_after FROM version WHERE certificate_id = certificate.id ORDER BY number DESC LIMIT 1) <= $1))
            ORDER BY id LIMIT $3`,
          [until, after, limit],
        ),
      ),
    plan: (id, plan) => change(db, 'certificate', id, plan),
    setPolicy: (id, policy) => change(db, 'certificate', id, policy),
  }
}
