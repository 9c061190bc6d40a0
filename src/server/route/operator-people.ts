import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { createToken } from '../operation/agent/create-token.ts'
import { readmitAgent } from '../operation/agent/readmit-agent.ts'
import { revokeCredentials } from '../operation/agent/revoke-credentials.ts'
import { listTokens, revokeToken } from '../operation/agent/tokens.ts'
import { addOperator, type Role, revokeOperator } from '../operation/operators.ts'
import type { Parts } from '../operation/parts.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { pageSchema } from './schemas.ts'
import { operatorSchema, readmitSchema, tokenSchema } from './schemas-of-people.ts'

interface TokenBody {
  readonly expires_in_s?: number
  readonly uses?: number
  readonly names?: string
}

const msOf = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : seconds * 1000)

/** The operator's calls about who may come in. */
export function operatorPeopleRoutes(server: FastifyInstance, parts: Parts): void {
  letIn(server, parts)
  server.post<{ Params: { id: string } }>('/agents/:id/revoke-credentials', async (request) => ({
    revoked: await revokeCredentials(parts, actorOf(request), request.params.id),
  }))

  server.get('/operators', async () => ({
    operators: (await parts.store.operators.list()).map(({ name, role, createdAt, revokedAt }) => ({
      name,
      role,
      created_at: timeOnWire(createdAt),
      revoked_at: timeOrNull(revokedAt),
    })),
  }))

  server.post<{ Body: { name: string; role: Role } }>(
    '/operators',
    { schema: { body: operatorSchema } },
    async (request, reply) => reply.code(201).send({ token: await addOperator(parts, actorOf(request), request.body) }),
  )

  server.post<{ Params: { name: string } }>('/operators/:name/revoke', async (request) => {
    await revokeOperator(parts, actorOf(request), request.params.name)
    return { status: 'revoked' }
  })
}

function letIn(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: PageQuery }>('/tokens', { schema: { querystring: pageSchema } }, async (request) => {
    const page = pageOf(request.query)
    const tokens = await listTokens(parts, page)
    return { tokens: tokens.map(tokenOnWire), next: nextOf(tokens, page, ({ id }) => id) }
  })

  server.post<{ Params: { id: string } }>('/tokens/:id/revoke', async (request) => {
    await revokeToken(parts, actorOf(request), request.params.id)
    return { status: 'revoked' }
  })

  server.post<{ Body: TokenBody | null | undefined }>(
    '/tokens',
    { schema: { body: tokenSchema } },
    async (request, reply) => {
      const { expires_in_s, uses, names } = request.body ?? {}
      const rules = { expiresInMs: msOf(expires_in_s), uses, namePattern: names }
      return reply.code(201).send({ token: await createToken(parts, actorOf(request), rules) })
    },
  )

  server.post<{ Params: { id: string }; Body: TokenBody | null | undefined }>(
    '/agents/:id/readmit',
    { schema: { body: readmitSchema } },
    async (request, reply) => {
      const expiresInMs = msOf(request.body?.expires_in_s)
      const token = await readmitAgent(parts, actorOf(request), request.params.id, expiresInMs)
      return reply.code(201).send({ token })
    },
  )
}

function tokenOnWire({ token, id, state }: Awaited<ReturnType<typeof listTokens>>[number]) {
  return {
    id,
    state,
    expires_at: timeOrNull(token.expiresAt),
    uses_left: token.usesLeft,
    names: token.namePattern,
    agent_name: token.agentName,
    created_at: timeOnWire(token.createdAt),
    created_by: token.createdBy,
    used_at: timeOrNull(token.usedAt),
  }
}
