import type { FastifyInstance } from 'fastify'
import { danePage } from '../fleet/dane-page.ts'
import { viewerOf } from '../http/page-session.ts'
import { listRollovers } from '../operation/dane/show-rollovers.ts'
import type { Parts } from '../operation/parts.ts'
import { daneQuery } from './fleet-schemas.ts'

const aPage = 50

/** The page of the fleet about TLSA records; it changes nothing. */
export function fleetDanePage(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: { readonly after?: string } }>(
    '/fleet/dane',
    { schema: { querystring: daneQuery } },
    async (request, reply) => {
      const { after } = request.query
      const rows = await listRollovers(parts, { after, limit: aPage })
      const next = rows.length < aPage ? null : (rows.at(-1)?.rollover.targetName ?? null)
      const listed = { at: await parts.store.now(), rows, next }
      return reply.type('text/html; charset=utf-8').send(danePage(listed, { after }, viewerOf(request)))
    },
  )
}
