import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import type { Parts } from '../operation/parts.ts'
import { addTarget } from '../operation/target/add-target.ts'
import { listTargets } from '../operation/target/list-targets.ts'
import type { TargetBody } from './bodies.ts'
import { type LabelQuery, labelsIn } from './label-query.ts'
import { targetOnWire } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { targetSchema, targetsQuerySchema } from './schemas.ts'

type TargetsQuery = PageQuery & LabelQuery & { readonly agent?: string }

/** The operator's calls about targets. */
export function operatorTargetRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: TargetsQuery }>(
    '/targets',
    { schema: { querystring: targetsQuerySchema } },
    async (request) => {
      const page = pageOf(request.query)
      const targets = await listTargets(parts, page, request.query.agent, labelsIn(request.query))
      return {
        targets: targets.map(({ target, renewal }) => targetOnWire(target, renewal)),
        next: nextOf(targets, page, ({ target }) => target.name),
      }
    },
  )

  server.post<{ Body: TargetBody }>('/targets', { schema: { body: targetSchema } }, async (request, reply) => {
    const { name, agent_id, type, config, replace = false, unchecked = false } = request.body
    const wanted = { name, agent: agent_id, type, config, isReplacing: replace, isUnchecked: unchecked }
    const { id, isNew } = await addTarget(parts, actorOf(request), wanted)
    return reply.code(isNew ? 201 : 200).send({ id })
  })
}
