import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { type Call, calls } from './calls.ts'
import { leastRoles } from './least-roles.ts'

const errorSchema = {
  type: 'object',
  required: ['error', 'request_id'],
  properties: { error: { type: 'string' }, request_id: { type: 'string' } },
} as const

/** Describes each call that is added after this, by the schemas that validate it; served at `/openapi.json`. */
export async function describeCalls(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Waxseal control plane',
        version: '1',
        description: 'The calls of agents (docs/design/protocol.md) and of operators (docs/control-plane.md).',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    hideUntagged: false,
    transform: ({ schema, url, route }) => ({
      schema: { ...schema, ...descriptionOf(`${String(route.method)} ${url}`) },
      url,
    }),
  })
  // Written once: whoever asks needs no credential.
  let document: string | null = null
  server.get('/openapi.json', async (_, reply) => {
    document ??= JSON.stringify(server.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })
}

/** Of a call by its pattern. */
function descriptionOf(name: string): object {
  const call = calls[name]
  // The HEAD that fastify adds to each GET.
  if (call === undefined && name.startsWith('HEAD ')) return { hide: true }
  if (call === undefined) throw new Error(`a call is not described: ${name}`)
  const role = leastRoles[name]
  return {
    summary: call.summary,
    ...(role === undefined ? {} : { description: `Least role: ${role}.` }),
    security: call.isOpen === true ? [] : [{ bearer: [] }],
    response: {
      [call.status ?? 200]: { description: 'Done.', ...answerOf(call) },
      '4xx': { description: 'Refused; 429 has Retry-After.', ...errorSchema },
      '5xx': { description: 'Try again later; 503 has Retry-After.', ...errorSchema },
    },
  }
}

function answerOf({ answer = { type: 'object' }, contentType }: Call): object {
  return contentType === undefined ? answer : { content: { [contentType]: { schema: {} } } }
}
