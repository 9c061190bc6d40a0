import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { listRollovers, showRollover } from '../operation/dane/show-rollovers.ts'
import { turnRolloverOff, turnRolloverOn } from '../operation/dane/turn-rollover.ts'
import type { Parts } from '../operation/parts.ts'
import { daneOnWire } from './dane-on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { pageSchema } from './schemas.ts'
import { type DaneBody, daneSchema } from './schemas-of-dane.ts'

/** The operator's calls about TLSA records. What they decide is carried out in the background, within seconds. */
export function operatorDaneRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: PageQuery }>('/dane', { schema: { querystring: pageSchema } }, async (request) => {
    const page = pageOf(request.query)
    const rows = await listRollovers(parts, page)
    return { dane: rows.map(daneOnWire), next: nextOf(rows, page, ({ rollover }) => rollover.targetName) }
  })

  server.get<{ Params: { name: string } }>('/targets/:name/dane', async (request) =>
    daneOnWire(await showRollover(parts, request.params.name)),
  )

  server.post<{ Params: { name: string }; Body: DaneBody }>(
    '/targets/:name/dane',
    { schema: { body: daneSchema } },
    async (request) => {
      const { rollover, records = [] } = request.body
      const [actor, target] = [actorOf(request), request.params.name]
      if (!rollover) return { target_id: await turnRolloverOff(parts, actor, target), rollover, names: [] }
      const { targetId, names } = await turnRolloverOn(parts, actor, target, records)
      return { target_id: targetId, rollover, names }
    },
  )
}
