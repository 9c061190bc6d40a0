import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import type { Parts } from '../operation/parts.ts'
import { abandonRollout, resumeRollout } from '../operation/rollout/end-rollout.ts'
import { listRollouts, listRolloutTargets, showRollout } from '../operation/rollout/show-rollout.ts'
import { startRollout } from '../operation/rollout/start-rollout.ts'
import { takeBackRollout } from '../operation/rollout/take-back-rollout.ts'
import type { RolloutTargetState } from '../store/rollout-rows.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { type RolloutBody, rolloutIn } from './rollout-body.ts'
import { rolloutOnWire, rolloutTargetOnWire } from './rollout-on-wire.ts'
import { pageSchema } from './schemas.ts'
import { resumeSchema, rolloutSchema, rolloutTargetsQuerySchema } from './schemas-of-rollouts.ts'

interface Named {
  readonly Params: { readonly name: string }
}

/** The operator's calls about roll-outs. What they decide is carried out in the background, within seconds. */
export function operatorRolloutRoutes(server: FastifyInstance, parts: Parts): void {
  showRollouts(server, parts)
  server.post<{ Body: RolloutBody }>('/rollouts', { schema: { body: rolloutSchema } }, async (request, reply) => {
    const { rollout, waves, targets, leftOut } = await startRollout(parts, actorOf(request), rolloutIn(request.body))
    return reply.code(201).send({ id: rollout.id, name: rollout.name, waves, targets, left_out: leftOut.slice(0, 100) })
  })

  server.post<Named & { Body: { readonly retry?: boolean } | null | undefined }>(
    '/rollouts/:name/resume',
    { schema: { body: resumeSchema } },
    async (request) => {
      const isRetry = request.body?.retry ?? false
      return stateOf(await resumeRollout(parts, actorOf(request), request.params.name, isRetry))
    },
  )

  server.post<Named>('/rollouts/:name/abandon', async (request) =>
    stateOf(await abandonRollout(parts, actorOf(request), request.params.name)),
  )

  server.post<Named>('/rollouts/:name/take-back', async (request) =>
    stateOf(await takeBackRollout(parts, actorOf(request), request.params.name)),
  )
}

function showRollouts(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: PageQuery }>('/rollouts', { schema: { querystring: pageSchema } }, async (request) => {
    const page = pageOf(request.query)
    const rollouts = await listRollouts(parts, page)
    return { rollouts: rollouts.map(rolloutOnWire), next: nextOf(rollouts, page, ({ rollout }) => rollout.name) }
  })

  server.get<Named>('/rollouts/:name', async (request) => rolloutOnWire(await showRollout(parts, request.params.name)))

  server.get<Named & { Querystring: PageQuery & { readonly status?: RolloutTargetState } }>(
    '/rollouts/:name/targets',
    { schema: { querystring: rolloutTargetsQuerySchema } },
    async (request) => {
      const page = pageOf(request.query)
      const rows = await listRolloutTargets(parts, request.params.name, page, request.query.status)
      return { targets: rows.map(rolloutTargetOnWire), next: nextOf(rows, page, ({ targetId }) => targetId) }
    },
  )
}

function stateOf({ id, name, state }: { readonly id: string; readonly name: string; readonly state: string }) {
  return { id, name, state }
}
