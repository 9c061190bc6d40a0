import type { Database } from '../database.ts'
import type { ListedOrder, OrderRow, OrderStore } from '../order-store.ts'
import type { CertificateRow } from '../rows.ts'
import { firstOf, fromRows, insert } from './columns.ts'

/** Standing orders over SQL. */
export function sqlOrders(db: Database): OrderStore {
  return {
    put: (order) =>
      db.transaction(async (inside) => {
        await inside.query('DELETE FROM standing_order WHERE target_id = $1', [order.targetId])
        await insert(inside, 'standing_order', order)
      }),
    of: async (targetId) =>
      firstOf<OrderRow>(await db.query('SELECT * FROM standing_order WHERE target_id = $1', [targetId])),
    forCertificate: async (certificateId) =>
      fromRows<OrderRow>(
        await db.query(
          `SELECT standing_order.* FROM standing_order JOIN deploy_to ON deploy_to.target_id = standing_order.target_id
            WHERE deploy_to.certificate_id = $1 ORDER BY standing_order.target_id`,
          [certificateId],
        ),
      ),
    certificatesOn: async (targetId) =>
      fromRows<Pick<CertificateRow, 'commonName' | 'sans'>>(
        await db.query(
          `SELECT common_name, sans FROM certificate JOIN deploy_to ON deploy_to.certificate_id = certificate.id
            WHERE deploy_to.target_id = $1 ORDER BY certificate.id`,
          [targetId],
        ),
      ),
    longestOf: async (agentId) =>
      Number(
        (
          await db.query(
            `SELECT MAX(LENGTH(document)) AS longest FROM standing_order JOIN target ON target.id = standing_order.target_id
              WHERE target.agent_id = $1`,
            [agentId],
          )
        )[0]?.['longest'] ?? 0,
      ),
    list: async ({ after = '', limit }) =>
      fromRows<ListedOrder>(
        await db.query(
          `SELECT standing_order.*, target.name AS target_name
            FROM standing_order JOIN target ON target.id = standing_order.target_id
            WHERE target.name > $1 ORDER BY target.name LIMIT $2`,
          [after, limit],
        ),
      ),
  }
}
