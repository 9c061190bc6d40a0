import type { FastifyInstance } from 'fastify'
import { activeAgentOf, type Guard } from '../http/authenticate.ts'
import { exchangeCredential } from '../operation/agent/exchange-credential.ts'
import type { Certify } from '../operation/agent/register.ts'
import type { Parts } from '../operation/parts.ts'
import { clientCertificateSchema } from './schemas.ts'

/** The calls by which an agent gets another credential (protocol §4): a secret, or a client certificate. */
export function agentCredentialRoutes(server: FastifyInstance, parts: Parts, guards: readonly Guard[]): void {
  server.post('/api/v1/agents/:id/credential', { onRequest: [...guards] }, async (request, reply) =>
    reply.code(201).send({ api_key: await exchangeCredential(parts, activeAgentOf(request)) }),
  )
  server.post<{ Body: { readonly csr_pem: string } }>(
    '/api/v1/agents/:id/client-certificate',
    { onRequest: [...guards], schema: { body: clientCertificateSchema } },
    async (request, reply) => {
      const { csr_pem: csrPem } = request.body
      const certify: Certify = (agentId, at) => parts.clientCa.issue(csrPem, agentId, at)
      const pem = await exchangeCredential(parts, activeAgentOf(request), certify)
      return reply.code(201).send({ client_certificate_pem: pem })
    },
  )
}
