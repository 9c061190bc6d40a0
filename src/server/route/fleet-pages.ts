import type { FastifyInstance } from 'fastify'
import { certificatesPage } from '../fleet/certificates-page.ts'
import { driftPage } from '../fleet/drift-page.ts'
import { failuresPage } from '../fleet/failures-page.ts'
import { foundPage } from '../fleet/found-page.ts'
import { hostPage } from '../fleet/host-page.ts'
import { hostsPage } from '../fleet/hosts-page.ts'
import type { Query } from '../fleet/list-page.ts'
import { overviewPage } from '../fleet/overview-page.ts'
import { rolloutPage } from '../fleet/rollout-page.ts'
import { rolloutsPage } from '../fleet/rollouts-page.ts'
import { viewerOf } from '../http/page-session.ts'
import { fleetHost } from '../operation/fleet/fleet-host.ts'
import { fleetCertificates, fleetDrift, fleetFailures, fleetFound, fleetHosts } from '../operation/fleet/fleet-lists.ts'
import { fleetRollout, fleetRollouts } from '../operation/fleet/fleet-rollouts.ts'
import type { Overview } from '../operation/fleet/overview.ts'
import type { Parts } from '../operation/parts.ts'
import type { DiscoveredStatus } from '../store/discovered-store.ts'
import type { EndState, HostState } from '../store/fleet-store.ts'
import type { RolloutTargetState } from '../store/rollout-rows.ts'
import type { JobType } from '../store/rows.ts'
import { fleetDanePages } from './fleet-dane.ts'
import { certificatesQuery, driftQuery, failuresQuery, foundQuery, hostsQuery, rolloutsQuery } from './fleet-schemas.ts'
import { given } from './given-query.ts'
import { labelsIn } from './label-query.ts'

const defaultDays = 7
const asPage = 'text/html; charset=utf-8'

/** The pages of the fleet, for who has signed in. None of them changes anything, and none is a call of the wire. */
export function fleetPages(server: FastifyInstance, parts: Parts, overview: () => Promise<Overview>): void {
  foundRoute(server, parts)
  rolloutRoute(server, parts)
  fleetDanePages(server, parts)
  server.get('/fleet', async (request, reply) =>
    reply.type(asPage).send(overviewPage(await overview(), viewerOf(request))),
  )

  server.get<{ Querystring: Query }>(
    '/fleet/hosts',
    { schema: { querystring: hostsQuery } },
    async (request, reply) => {
      const query = given(request.query)
      const { after, name, text, state, two } = query
      if (name !== undefined)
        return reply.type(asPage).send(hostPage(await fleetHost(parts, name, after), query, viewerOf(request)))
      const wanted = {
        after,
        text,
        labels: labelsIn(query),
        state: state as HostState | undefined,
        isTwin: two === 'yes',
      }
      return reply.type(asPage).send(hostsPage(await fleetHosts(parts, wanted), query, viewerOf(request)))
    },
  )

  server.get<{ Querystring: Query }>(
    '/fleet/certificates',
    { schema: { querystring: certificatesQuery } },
    async (request, reply) => {
      const query = given(request.query)
      const { after, text, host, ends, late, trouble } = query
      const flags = { isLate: late === 'yes', isFailing: trouble === 'yes' }
      const wanted = { after, text, host, labels: labelsIn(query), ends: ends as EndState | undefined, ...flags }
      return reply.type(asPage).send(certificatesPage(await fleetCertificates(parts, wanted), query, viewerOf(request)))
    },
  )

  server.get<{ Querystring: Query }>(
    '/fleet/failures',
    { schema: { querystring: failuresQuery } },
    async (request, reply) => {
      const query = given(request.query)
      const { after, host, code, type, days } = query
      const wanted = { after, host, code: code === 'none' ? '' : code, type: type as JobType | undefined }
      const listed = await fleetFailures(parts, { ...wanted, days: Number(days ?? defaultDays) })
      return reply.type(asPage).send(failuresPage(listed, query, viewerOf(request)))
    },
  )

  server.get<{ Querystring: Query }>(
    '/fleet/drift',
    { schema: { querystring: driftQuery } },
    async (request, reply) => {
      const query = given(request.query)
      return reply.type(asPage).send(driftPage(await fleetDrift(parts, query), query, viewerOf(request)))
    },
  )
}

function foundRoute(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: Query }>(
    '/fleet/found',
    { schema: { querystring: foundQuery } },
    async (request, reply) => {
      const query = given(request.query)
      const { after, host, status } = query
      const listed = await fleetFound(parts, { after, host, status: status as DiscoveredStatus | undefined })
      return reply.type(asPage).send(foundPage(listed, query, viewerOf(request)))
    },
  )
}

function rolloutRoute(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: Query }>(
    '/fleet/rollouts',
    { schema: { querystring: rolloutsQuery } },
    async (request, reply) => {
      const [query, viewer] = [given(request.query), viewerOf(request)]
      const { after, name, state } = query
      if (name === undefined)
        return reply.type(asPage).send(rolloutsPage(await fleetRollouts(parts, after), query, viewer))
      const { shown, listed } = await fleetRollout(parts, name, {
        after,
        state: state as RolloutTargetState | undefined,
      })
      return reply.type(asPage).send(rolloutPage(shown, listed, query, viewer))
    },
  )
}
