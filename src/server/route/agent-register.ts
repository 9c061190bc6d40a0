import type { FastifyInstance } from 'fastify'
import type { Guard } from '../http/authenticate.ts'
import { secretIn } from '../http/bearer.ts'
import { type Certify, register } from '../operation/agent/register.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { agentOnWire } from './on-wire.ts'
import { registerSchema } from './schemas.ts'

interface Body {
  readonly name: string
  readonly hostname: string
  readonly features?: readonly string[]
  readonly client_csr_pem?: string
}

/** The registration, with a bootstrap token. */
export function agentRegisterRoutes(server: FastifyInstance, parts: Parts, guard: Guard): void {
  server.post<{ Body: Body }>(
    '/api/v1/agents',
    { onRequest: guard, schema: { body: registerSchema } },
    async (request, reply) => {
      const { name, hostname, features = [], client_csr_pem: csrPem } = request.body
      const idempotencyKey = keyIn(request.headers['idempotency-key'])
      const token = secretIn(request) ?? ''
      const certify: Certify | undefined =
        csrPem === undefined ? undefined : (agentId, at) => parts.clientCa.issue(csrPem, agentId, at)
      const wanted = { token, idempotencyKey, name, hostname, features, certify }
      const { agent, credential } = await register(parts, wanted)
      const identity = certify === undefined ? { api_key: credential } : { client_certificate_pem: credential }
      return reply.code(201).send({ ...agentOnWire(agent), ...identity })
    },
  )
}

function keyIn(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null
  if (typeof header === 'string' && /^[\x21-\x7e]{16,256}$/.test(header)) return header
  throw new Refusal('invalid', 'an Idempotency-Key has 16 to 256 printable characters')
}
