import type { FastifyInstance } from 'fastify'
import { activeAgentOf, type Guard } from '../http/authenticate.ts'
import { exchangeCredential } from '../operation/agent/exchange-credential.ts'
import type { Parts } from '../operation/parts.ts'

/** The call by which an agent gets another credential (protocol §4). */
export function agentCredentialRoutes(server: FastifyInstance, parts: Parts, guards: readonly Guard[]): void {
  server.post('/api/v1/agents/:id/credential', { onRequest: [...guards] }, async (request, reply) =>
    reply.code(201).send({ api_key: await exchangeCredential(parts, activeAgentOf(request)) }),
  )
}
