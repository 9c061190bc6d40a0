import type { FastifyInstance } from 'fastify'
import { operatorOf } from '../http/authenticate.ts'
import { createToken } from '../operation/create-token.ts'
import type { Parts } from '../operation/parts.ts'
import { retireAgent } from '../operation/retire-agent.ts'
import { listedAgentOnWire } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { pageSchema } from './schemas.ts'

/** The operator's calls about agents. */
export function operatorAgentRoutes(server: FastifyInstance, parts: Parts): void {
  server.post('/tokens', async (request, reply) =>
    reply.code(201).send({ token: await createToken(parts, `operator:${operatorOf(request).name}`) }),
  )

  server.get<{ Querystring: PageQuery }>('/agents', { schema: { querystring: pageSchema } }, async (request) => {
    const page = pageOf(request.query)
    await parts.presence.flush()
    const agents = await parts.store.agents.list(page)
    return { agents: agents.map(listedAgentOnWire), next: nextOf(agents, page, ({ id }) => id) }
  })

  server.post<{ Params: { id: string } }>('/agents/:id/retire', async (request) => {
    await retireAgent(parts, `operator:${operatorOf(request).name}`, request.params.id)
    return { status: 'retired' }
  })
}
