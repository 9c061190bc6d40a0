import type { FastifyInstance } from 'fastify'
import { listAudit, signHead } from '../operation/audit-trail.ts'
import type { Parts } from '../operation/parts.ts'
import type { AuditRow } from '../store/rows.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { auditQuerySchema } from './schemas.ts'

/** The audit trail, which anybody who may read can check. */
export function operatorAuditRoutes(server: FastifyInstance, { store }: Pick<Parts, 'store'>, keyPem: string): void {
  server.get<{ Querystring: PageQuery }>('/audit', { schema: { querystring: auditQuerySchema } }, async (request) => {
    const page = pageOf(request.query)
    const rows = await listAudit(store, page)
    return { rows: rows.map(rowOnWire), next: nextOf(rows, page, ({ link }) => String(link)) }
  })

  server.get('/audit/head', async () => signHead(store, keyPem))
}

/** Times are numbers here: what is hashed is what is sent. */
function rowOnWire({ link, previousHash, hash, ...row }: AuditRow) {
  return { link, ...row, previous_hash: previousHash, hash }
}
