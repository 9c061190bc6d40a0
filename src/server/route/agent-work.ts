import type { FastifyInstance } from 'fastify'
import { activeAgentOf, agentAgain, agentOf, type Guard } from '../http/authenticate.ts'
import { type ControlPlaneLog, tellTwin } from '../http/log-requests.ts'
import { retryAfterS } from '../http/retry-after.ts'
import type { TellPace } from '../operation/agent/fleet-pace.ts'
import { heartbeat } from '../operation/agent/heartbeat.ts'
import type { SaidIdentity } from '../operation/agent/notice-twin.ts'
import { newestFor } from '../operation/certificate/own-certificate.ts'
import { leaseMs } from '../operation/job/claim-work.ts'
import { waitForWork } from '../operation/job/wait-for-work.ts'
import type { Parts } from '../operation/parts.ts'
import { workItem } from './on-wire.ts'
import { heartbeatSchema, workQuerySchema } from './schemas.ts'

/** What this server knows of protocol §4. */
const serverFeatures = [
  'drift',
  'lease',
  'cancel',
  'csr_accepted',
  'ca_pem',
  'credential',
  'host',
  'wait',
  'client_certificate',
  'order',
  'discovery',
  'keys',
  'renewed',
  'look',
  'rollback',
] as const
/** Seconds over which those who waited at a server that ends come back, to another or the next: as far apart as their calls are without that. */
const apartS = 40

/** The calls by which an agent gets its work. */
export function agentWorkRoutes(server: FastifyInstance, parts: Parts, guard: Guard, log: ControlPlaneLog): void {
  heartbeatCalls(server, parts, guard, log)
  workCalls(server, parts, guard)
  server.get<{ Params: { certificate: string } }>(
    '/api/v1/agents/:id/certificates/:certificate',
    { onRequest: guard },
    async (request) => {
      return { certificate_pem: await newestFor(parts, agentOf(request), request.params.certificate) }
    },
  )
}

function heartbeatCalls(server: FastifyInstance, parts: Parts, guard: Guard, log: ControlPlaneLog): void {
  server.post<{ Body: { readonly features?: readonly string[]; readonly host?: SaidIdentity } }>(
    '/api/v1/agents/:id/heartbeat',
    { onRequest: guard, schema: { body: heartbeatSchema } },
    async (request) => {
      const { features = [], host = null } = request.body
      const agent = activeAgentOf(request)
      const { cancel, twin } = await heartbeat(parts, agent, features, host)
      if (twin !== null) tellTwin(log, agent, twin)
      const answer = { status: 'heartbeat_recorded', features: serverFeatures }
      return {
        ...answer,
        ...(features.includes('wait') ? onWire(parts.pace.told) : {}),
        ...(features.includes('cancel') ? { cancel } : {}),
        ...(features.includes('ca_pem') ? { ca_pem: parts.authority.caPem } : {}),
      }
    },
  )
}

function workCalls(server: FastifyInstance, parts: Parts, guard: Guard): void {
  server.get<{ Querystring: { readonly wait?: string } }>(
    '/api/v1/agents/:id/work',
    // What a HEAD would claim nobody would get.
    { onRequest: guard, schema: { querystring: workQuerySchema }, exposeHeadRoute: false },
    async (request, reply) => {
      const agent = activeAgentOf(request)
      const waitMs = Number(request.query.wait ?? 0) * 1000
      if (waitMs > 0) await parts.presence.hear(agent.id, true)
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      // While it was authenticated.
      if (request.raw.socket.destroyed) gone.abort()
      const again = () => agentAgain(parts, request)
      const work = await waitForWork(parts, { agent, waitMs, again, gone: gone.signal })
      const leaseS = agent.features.includes('lease') ? leaseMs / 1000 : null
      const jobs = work.jobs.map((claimed) => workItem(claimed, agent, leaseS, parts.authority.caPem))
      const { told } = parts.pace
      if (waitMs > 0 && parts.bell.isClosed)
        reply.header('retry-after', String(retryAfterS(1, Math.max(apartS, told.pollIntervalS))))
      else if (work.isFull) reply.header('retry-after', String(retryAfterS(told.pollIntervalS)))
      const { cancel } = work
      const waited = { ...onWire(told), ...(agent.features.includes('cancel') ? { cancel } : {}) }
      return { jobs, count: jobs.length, ...(waitMs === 0 ? {} : waited) }
    },
  )
}

/** What an agent that knows `wait` is told. */
function onWire({ pollIntervalS, splayS }: TellPace): object {
  return { poll_interval: pollIntervalS, splay: splayS }
}
