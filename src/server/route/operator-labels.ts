import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { type LabelChange, labelAgent, showLabels } from '../operation/agent/label-agent.ts'
import type { Parts } from '../operation/parts.ts'
import { labelSchema } from './schemas-of-labels.ts'

/** The operator's calls about labels of agents. */
export function operatorLabelRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Params: { id: string } }>('/agents/:id/labels', async (request) =>
    onWire(await showLabels(parts, request.params.id)),
  )

  server.post<{ Params: { id: string }; Body: Partial<LabelChange> }>(
    '/agents/:id/labels',
    { schema: { body: labelSchema } },
    async (request) => {
      const { set = {}, remove = [] } = request.body
      return onWire(await labelAgent(parts, actorOf(request), request.params.id, { set, remove }))
    },
  )
}

function onWire({ agentId, labels }: Awaited<ReturnType<typeof showLabels>>) {
  return { agent_id: agentId, labels }
}
