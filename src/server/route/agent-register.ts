import type { FastifyInstance } from 'fastify'
import type { Guard } from '../http/authenticate.ts'
import { secretIn } from '../http/bearer.ts'
import { register } from '../operation/agent/register.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { agentOnWire } from './on-wire.ts'
import { registerSchema } from './schemas.ts'

interface Body {
  readonly name: string
  readonly hostname: string
  readonly features?: readonly string[]
}

/** The registration, with a bootstrap token. */
export function agentRegisterRoutes(server: FastifyInstance, parts: Parts, guard: Guard): void {
  server.post<{ Body: Body }>(
    '/api/v1/agents',
    { onRequest: guard, schema: { body: registerSchema } },
    async (request, reply) => {
      const { name, hostname, features = [] } = request.body
      const idempotencyKey = keyIn(request.headers['idempotency-key'])
      const token = secretIn(request) ?? ''
      const { agent, credential } = await register(parts, { token, idempotencyKey, name, hostname, features })
      return reply.code(201).send({ ...agentOnWire(agent), api_key: credential })
    },
  )
}

function keyIn(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null
  if (typeof header === 'string' && /^[\x21-\x7e]{16,256}$/.test(header)) return header
  throw new Refusal('invalid', 'an Idempotency-Key has 16 to 256 printable characters')
}
