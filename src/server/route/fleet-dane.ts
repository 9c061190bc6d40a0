import type { FastifyInstance } from 'fastify'
import type { MatterKind } from '../../notice/matter.ts'
import { danePage } from '../fleet/dane-page.ts'
import type { Query } from '../fleet/list-page.ts'
import { mattersPage } from '../fleet/matters-page.ts'
import { viewerOf } from '../http/page-session.ts'
import { fleetMatters } from '../operation/fleet/fleet-matters.ts'
import { fleetRollovers } from '../operation/fleet/fleet-rollovers.ts'
import type { Parts } from '../operation/parts.ts'
import { daneQuery, mattersQuery } from './fleet-schemas.ts'
import { given } from './given-query.ts'

const asPage = 'text/html; charset=utf-8'

/** The pages of the fleet about TLSA records, and about what wants a person; they change nothing. */
export function fleetDanePages(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: Query }>('/fleet/dane', { schema: { querystring: daneQuery } }, async (request, reply) => {
    const query = given(request.query)
    return reply.type(asPage).send(danePage(await fleetRollovers(parts, query), query, viewerOf(request)))
  })

  server.get<{ Querystring: Query }>(
    '/fleet/matters',
    { schema: { querystring: mattersQuery } },
    async (request, reply) => {
      const query = given(request.query)
      const { after, host, kind } = query
      const listed = await fleetMatters(parts, { after, host, kind: kind as MatterKind | undefined })
      return reply.type(asPage).send(mattersPage(listed, query, viewerOf(request)))
    },
  )
}
