import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { requireLabels } from '../operation/agent/label-agent.ts'
import { retireAgent } from '../operation/agent/retire-agent.ts'
import type { Parts } from '../operation/parts.ts'
import { type LabelQuery, labelsIn } from './label-query.ts'
import { listedAgentOnWire } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { agentsQuerySchema } from './schemas.ts'

type AgentsQuery = PageQuery & LabelQuery & { readonly status?: 'active' | 'retired' }

/** The operator's calls about agents. */
export function operatorAgentRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: AgentsQuery }>(
    '/agents',
    { schema: { querystring: agentsQuerySchema } },
    async (request) => {
      const page = pageOf(request.query)
      await parts.presence.flush()
      const now = await parts.store.now()
      const labels = labelsIn(request.query)
      await requireLabels(parts.store, labels)
      const agents = await parts.store.agents.list(page, { status: request.query.status, labels })
      return { agents: agents.map((row) => listedAgentOnWire(row, now)), next: nextOf(agents, page, ({ id }) => id) }
    },
  )

  server.post<{ Params: { id: string } }>('/agents/:id/retire', async (request) => {
    await retireAgent(parts, actorOf(request), request.params.id)
    return { status: 'retired' }
  })
}
