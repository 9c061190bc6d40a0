import type { FastifyInstance } from 'fastify'
import { type ListedIssuer, listIssuers, registerIssuer } from '../operation/certificate/list-issuers.ts'
import type { Parts } from '../operation/parts.ts'
import { timeOrNull } from './on-wire.ts'

/** The operator's calls about who signs. */
export function operatorIssuerRoutes(server: FastifyInstance, parts: Parts): void {
  server.get('/issuers', async () => ({ issuers: (await listIssuers(parts)).map(issuerOnWire) }))

  server.post<{ Params: { name: string } }>('/issuers/:name/register', (request) =>
    registerIssuer(parts, request.params.name),
  )
}

function issuerOnWire({ name, kind, place, account, error, limits, ...times }: ListedIssuer) {
  return {
    name,
    kind,
    place,
    account,
    worked_at: timeOrNull(times.workedAt),
    failed_at: timeOrNull(times.failedAt),
    error,
    limits: limits.map(({ limit, used, most, perMs, names }) => ({ limit, used, most, per_s: perMs / 1000, names })),
  }
}
