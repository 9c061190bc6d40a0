import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { bindDiscovered } from '../operation/discovery/bind-discovered.ts'
import { agentNamed } from '../operation/named.ts'
import type { Parts } from '../operation/parts.ts'
import type { DiscoveredStatus, ListedDiscovered } from '../store/discovered-store.ts'
import type { BindingBody } from './bodies.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { policyIn } from './policy-body.ts'
import { bindingSchema, discoveredQuerySchema, fingerprintSchema } from './schemas-of-discovery.ts'

type DiscoveredQuery = PageQuery & {
  readonly agent?: string
  readonly status?: DiscoveredStatus
  readonly cas?: 'true' | 'false'
}

/** Of one that somebody asks for without a word about its time. */
const usualDays = 47

/** The operator's calls about certificates that are found on hosts. */
export function operatorDiscoveredRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: DiscoveredQuery }>(
    '/discovered',
    { schema: { querystring: discoveredQuerySchema } },
    async (request) => {
      const { agent, status, cas } = request.query
      const page = pageOf(request.query)
      const agentId = agent === undefined ? undefined : (await agentNamed(parts.store, agent)).id
      const found = await parts.store.discovered.list(page, { agentId, status, hasCas: cas === 'true' })
      return { discovered: found.map(discoveredOnWire), next: nextOf(found, page, ({ seq }) => String(seq)) }
    },
  )

  server.post<{ Params: { fingerprint: string }; Body: BindingBody }>(
    '/discovered/:fingerprint/bind',
    { schema: { params: fingerprintSchema, body: bindingSchema } },
    async (request, reply) => {
      const { target_id: target, now: isNow = false, validity_days: validityDays = usualDays } = request.body
      const fingerprint = request.params.fingerprint.toLowerCase()
      const wanted = { fingerprint, target, validityDays, policy: policyIn(request.body), isNow }
      const { certificateId, jobId, nextRenewalAt } = await bindDiscovered(parts, actorOf(request), wanted)
      return reply
        .code(201)
        .send({ certificate_id: certificateId, job_id: jobId, next_renewal_at: timeOrNull(nextRenewalAt) })
    },
  )
}

function discoveredOnWire(found: ListedDiscovered) {
  return {
    fingerprint: found.fingerprint,
    status: found.status,
    agent_id: found.agentId,
    agent_name: found.agentName,
    path: found.path,
    format: found.format,
    common_name: found.commonName,
    sans: found.sans,
    issuer: found.issuer,
    subject: found.subject,
    serial: found.serial,
    not_before: timeOnWire(found.notBefore),
    not_after: timeOnWire(found.notAfter),
    key_algorithm: found.keyAlgorithm,
    key_size: found.keySize,
    is_ca: found.isCa,
    certificate_id: found.certificateId,
    first_seen: timeOnWire(found.firstSeen),
    last_seen: timeOnWire(found.lastSeen),
    gone_at: timeOrNull(found.goneAt),
  }
}
