import type { FastifyInstance } from 'fastify'
import { lookDomainPattern } from '../../control-plane/look-calls.ts'
import { type LookReport, lookReportSchema } from '../../control-plane/look-report.ts'
import { activeAgentOf, actorOf, type Guard } from '../http/authenticate.ts'
import { askLook, endLook, showLook, takeLooks } from '../operation/look.ts'
import { agentNamed } from '../operation/named.ts'
import type { Parts } from '../operation/parts.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'

const reportSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['report', 'refusal'],
  properties: {
    report: { anyOf: [lookReportSchema, { type: 'null' }] },
    refusal: { type: ['string', 'null'], maxLength: 300 },
  },
} as const

const askSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['domain', 'agent'],
  properties: {
    domain: { type: 'string', pattern: lookDomainPattern },
    agent: { type: 'string', minLength: 1, maxLength: 200 },
  },
} as const

/** The calls of agents that look from outside (protocol §4). */
export function agentLookRoutes(server: FastifyInstance, parts: Parts, guard: Guard, lasting: readonly Guard[]): void {
  server.get('/api/v1/agents/:id/looks', { onRequest: guard, exposeHeadRoute: false }, async (request) => ({
    looks: (await takeLooks(parts, activeAgentOf(request))).map(({ id, domain }) => ({ id, domain })),
  }))

  server.post<{
    Params: { look: string }
    Body: { readonly report: LookReport | null; readonly refusal: string | null }
  }>(
    '/api/v1/agents/:id/looks/:look',
    { onRequest: [guard, ...lasting], schema: { body: reportSchema } },
    async (request) => {
      await endLook(parts, activeAgentOf(request), request.params.look, request.body)
      return { status: 'recorded' }
    },
  )
}

/** The operator's calls about them. */
export function operatorLookRoutes(server: FastifyInstance, parts: Parts): void {
  server.post<{ Body: { readonly domain: string; readonly agent: string } }>(
    '/looks',
    { schema: { body: askSchema } },
    async (request, reply) => reply.code(201).send({ id: await askLook(parts, actorOf(request), request.body) }),
  )

  server.get<{ Params: { id: string } }>('/looks/:id', async (request) => {
    const { id, agentId, domain, askedAt, endedAt, report, refusal } = await showLook(parts, request.params.id)
    const { name } = await agentNamed(parts.store, agentId)
    const seen: unknown = report === null ? null : JSON.parse(report)
    return {
      id,
      agent: name,
      domain,
      asked_at: timeOnWire(askedAt),
      ended_at: timeOrNull(endedAt),
      report: seen,
      refusal,
    }
  })
}
