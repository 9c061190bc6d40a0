import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import type { RevocationReason } from '../issuer/issuer.ts'
import { type Deployed, type ListedCertificate, listCertificates } from '../operation/certificate/list-certificates.ts'
import { renewCertificate } from '../operation/certificate/renew-certificate.ts'
import { changePolicy } from '../operation/certificate/renewal-policy.ts'
import { revokeCertificate } from '../operation/certificate/revoke-certificate.ts'
import { certificateNamed } from '../operation/named.ts'
import type { Parts } from '../operation/parts.ts'
import type { JobRow } from '../store/rows.ts'
import { type LabelQuery, labelsIn } from './label-query.ts'
import { provenOf, timeOnWire, timeOrNull } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { type PolicyBody, policyIn, policyOnWire } from './policy-body.ts'
import { certificatesQuerySchema, policySchema } from './schemas.ts'
import { revocationSchema } from './schemas-of-issuers.ts'

/** The operator's calls about certificates: what is renewed when, now, or because its key is lost. */
export function operatorCertificateRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: PageQuery & LabelQuery }>(
    '/certificates',
    { schema: { querystring: certificatesQuerySchema } },
    async (request) => {
      const page = pageOf(request.query)
      const certificates = await listCertificates(parts, page, labelsIn(request.query))
      return {
        certificates: certificates.map(certificateOnWire),
        next: nextOf(certificates, page, ({ certificate }) => certificate.id),
      }
    },
  )

  server.get<{ Params: { name: string } }>('/certificates/:name/policy', async (request) => {
    const certificate = await certificateNamed(parts.store, request.params.name)
    return { certificate_id: certificate.id, ...policyOnWire(certificate) }
  })

  server.post<{ Params: { name: string }; Body: PolicyBody }>(
    '/certificates/:name/policy',
    { schema: { body: policySchema } },
    async (request) => {
      const actor = actorOf(request)
      const certificate = await changePolicy(parts, actor, request.params.name, policyIn(request.body))
      return { certificate_id: certificate.id, ...policyOnWire(certificate) }
    },
  )

  server.post<{ Params: { name: string } }>('/certificates/:name/renew', async (request, reply) => {
    const actor = actorOf(request)
    const { certificateId, jobId } = await renewCertificate(parts, actor, request.params.name)
    return reply.code(201).send({ certificate_id: certificateId, job_id: jobId })
  })

  server.post<{ Params: { name: string }; Body: { readonly reason?: RevocationReason } | null }>(
    '/certificates/:name/revoke',
    { schema: { body: revocationSchema } },
    async (request, reply) => {
      const actor = actorOf(request)
      const { reason } = request.body ?? {}
      const { certificateId, serials, jobId } = await revokeCertificate(parts, actor, request.params.name, reason)
      return reply.code(201).send({ certificate_id: certificateId, serials, job_id: jobId })
    },
  )
}

function certificateOnWire(listed: ListedCertificate) {
  const { certificate, version, issuance, nextRenewalAt } = listed
  const { id, commonName, sans, revokedAt } = certificate
  return {
    id,
    common_name: commonName,
    sans,
    agent_id: certificate.agentId,
    agent_name: listed.agentName,
    version: version?.number ?? null,
    issuer: version?.issuer ?? null,
    ...policyOnWire(certificate),
    spki_sha256: version?.spki ?? null,
    next_spki_sha256: certificate.nextSpki,
    not_after: timeOrNull(version?.notAfter ?? null),
    next_renewal_at: timeOrNull(nextRenewalAt),
    renewal_failures: certificate.renewalFailures,
    last_error: certificate.lastError,
    revoked_at: timeOrNull(revokedAt),
    open_job: issuance === null ? null : { ...jobOnList(issuance), window: listed.window },
    targets: listed.targets.map(targetOnList),
  }
}

function targetOnList({ target, inPlace, failed }: Deployed) {
  return {
    name: target.name,
    deployed_version: inPlace?.versionNumber ?? null,
    is_deployed: inPlace !== null,
    proven: inPlace === null ? null : provenOf(inPlace),
    error: failed?.error ?? null,
  }
}

function jobOnList({ id, type, status, createdAt, notBefore }: JobRow) {
  return { id, type, status, created_at: timeOnWire(createdAt), not_before: timeOrNull(notBefore) }
}
