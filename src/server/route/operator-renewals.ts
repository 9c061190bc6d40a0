import type { FastifyInstance } from 'fastify'
import type { Parts } from '../operation/parts.ts'
import { type PlannedRenewal, planRenewals } from '../operation/renewal/plan-renewals.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'
import { renewalsQuerySchema } from './schemas-of-renewals.ts'

const usualDays = 7

/** The operator's calls about renewals that are to come. */
export function operatorRenewalRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: { readonly days?: string } }>(
    '/renewals',
    { schema: { querystring: renewalsQuerySchema } },
    async ({ query: { days = usualDays } }) => {
      const { at, until, renewals, isCut } = await planRenewals(parts, Number(days))
      return {
        at: timeOnWire(at),
        until: timeOnWire(until),
        renewals: renewals.map(renewalOnWire),
        is_cut: isCut,
      }
    },
  )
}

function renewalOnWire({ certificate, agentName, version, at, why, issuers, isLate, inTheWay }: PlannedRenewal) {
  return {
    at: timeOrNull(at),
    why,
    certificate_id: certificate.id,
    common_name: certificate.commonName,
    agent_name: agentName,
    issuers,
    issuer_now: version?.issuer ?? null,
    not_after: timeOrNull(version?.notAfter ?? null),
    is_late: isLate,
    in_the_way: inTheWay,
  }
}
