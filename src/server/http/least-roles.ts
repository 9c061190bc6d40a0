import type { FastifyInstance } from 'fastify'
import type { Role } from '../operation/operators.ts'

/** The least role of each call for operators. A call that is not here is not served: the server does not start with it. */
export const leastRoles: Readonly<Record<string, Role>> = {
  'GET /metrics': 'reader',
  'GET /operator/v1/agents': 'reader',
  'GET /operator/v1/agents/:id/labels': 'reader',
  'GET /operator/v1/audit': 'reader',
  'GET /operator/v1/audit/head': 'reader',
  'GET /operator/v1/certificates': 'reader',
  'GET /operator/v1/certificates/:name/policy': 'reader',
  'GET /operator/v1/dane': 'reader',
  'GET /operator/v1/discovered': 'reader',
  'GET /operator/v1/issuers': 'reader',
  'GET /operator/v1/jobs': 'reader',
  'GET /operator/v1/jobs/:id': 'reader',
  'GET /operator/v1/looks/:id': 'reader',
  'GET /operator/v1/matters': 'reader',
  'GET /operator/v1/mutes': 'reader',
  'GET /operator/v1/operators': 'reader',
  'GET /operator/v1/orders': 'reader',
  'GET /operator/v1/renewals': 'reader',
  'GET /operator/v1/rollouts': 'reader',
  'GET /operator/v1/rollouts/:name': 'reader',
  'GET /operator/v1/rollouts/:name/targets': 'reader',
  'GET /operator/v1/targets': 'reader',
  'GET /operator/v1/targets/:name/dane': 'reader',
  'GET /operator/v1/targets/:name/order': 'reader',
  'GET /operator/v1/tokens': 'reader',
  'GET /operator/v1/windows': 'reader',
  'POST /operator/v1/agents/:id/labels': 'operator',
  'POST /operator/v1/agents/:id/readmit': 'operator',
  'POST /operator/v1/agents/:id/retire': 'operator',
  'POST /operator/v1/agents/:id/revoke-credentials': 'operator',
  'POST /operator/v1/certificates': 'operator',
  'POST /operator/v1/certificates/:name/policy': 'operator',
  'POST /operator/v1/certificates/:name/renew': 'operator',
  'POST /operator/v1/certificates/:name/revoke': 'operator',
  'POST /operator/v1/deployments': 'operator',
  'POST /operator/v1/discovered/:fingerprint/bind': 'operator',
  'POST /operator/v1/issuers/:name/register': 'operator',
  'POST /operator/v1/jobs/:id/cancel': 'operator',
  'POST /operator/v1/jobs/:id/end': 'operator',
  'POST /operator/v1/looks': 'operator',
  'POST /operator/v1/mutes': 'operator',
  'POST /operator/v1/mutes/:id/end': 'operator',
  'POST /operator/v1/notices/test': 'operator',
  'POST /operator/v1/orders': 'operator',
  'POST /operator/v1/rollouts': 'operator',
  'POST /operator/v1/rollouts/:name/abandon': 'operator',
  'POST /operator/v1/rollouts/:name/resume': 'operator',
  'POST /operator/v1/rollouts/:name/take-back': 'operator',
  'POST /operator/v1/take-backs': 'operator',
  'POST /operator/v1/targets': 'operator',
  'POST /operator/v1/targets/:name/dane': 'operator',
  'POST /operator/v1/tokens': 'operator',
  'POST /operator/v1/tokens/:id/revoke': 'operator',
  'POST /operator/v1/validations': 'operator',
  'POST /operator/v1/windows': 'operator',
  'POST /operator/v1/windows/remove': 'operator',
  'POST /operator/v1/operators': 'admin',
  'POST /operator/v1/operators/:name/revoke': 'admin',
}

/** Where a call is, as fastify knows it. */
interface Route {
  readonly method: string | readonly string[]
  readonly url?: string | undefined
}

/** The least role of this call. */
export function leastRoleOf({ method, url }: Route): Role {
  // fastify adds a HEAD to each GET.
  const name = `${method === 'HEAD' ? 'GET' : String(method)} ${url}`
  const role = leastRoles[name]
  if (role === undefined) throw new Error(`a call of operators has no least role: ${name}`)
  return role
}

/** Refuses to serve a call without one. */
export function requireLeastRoles(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    leastRoleOf(route)
  })
}
