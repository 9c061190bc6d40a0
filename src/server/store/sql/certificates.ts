import type { Database } from '../database.ts'
import type { CertificateRow } from '../rows.ts'
import type { CertificateStore } from '../store.ts'
import { renewalOf } from './certificate-renewal.ts'
import { firstOf, fromRows, insert } from './columns.ts'
import { isLabelled } from './labels.ts'

/** Certificates over SQL. */
export function sqlCertificates(db: Database): CertificateStore {
  return {
    ...renewalOf(db),
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
    list: async ({ after = '', limit }, labels = []) => {
      const labelled = isLabelled('agent_id', labels, 3)
      return fromRows<CertificateRow>(
        await db.query(`SELECT * FROM certificate WHERE id > $1 ${labelled.sql} ORDER BY id LIMIT $2`, [
          after,
          limit,
          ...labelled.values,
        ]),
      )
    },
    agentsWith: async (name, limit) =>
      (
        await db.query(
          'SELECT DISTINCT agent_id FROM certificate WHERE common_name = $1 OR sans LIKE $2 ORDER BY agent_id LIMIT $3',
          [name, `%"${name}"%`, limit],
        )
      ).map(({ agent_id }) => String(agent_id)),
    ofAgent: async (agentId) =>
      (await db.query('SELECT id FROM certificate WHERE agent_id = $1 ORDER BY id', [agentId])).map(({ id }) =>
        String(id),
      ),
    deployedTo: async (id) =>
      (await db.query('SELECT target_id FROM deploy_to WHERE certificate_id = $1 ORDER BY target_id', [id])).map(
        ({ target_id }) => String(target_id),
      ),
  }
}
