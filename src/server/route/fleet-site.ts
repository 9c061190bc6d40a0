import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { pageIcon } from '../../page/page-style.ts'
import { messagePage } from '../fleet/fleet-page.ts'
import { fleetStyle } from '../fleet/fleet-style.ts'
import { pageIn } from '../fleet/sections.ts'
import { signInPage } from '../fleet/sign-in-page.ts'
import type { Limits } from '../http/limits.ts'
import { type ControlPlaneLog, tellError } from '../http/log-requests.ts'
import { guardPage, requireOwnOrigin, signIn, signOut } from '../http/page-session.ts'
import { retryAfterS } from '../http/retry-after.ts'
import type { Overview } from '../operation/fleet/overview.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { fleetPages } from './fleet-pages.ts'
import { signInBody } from './fleet-schemas.ts'

/** A form has a token and a path. */
const mostOfForm = 4096
const asPage = 'text/html; charset=utf-8'

/** No script, no frame, no form to elsewhere; no other site learns an address of the fleet, and its own forms say where they come from. */
const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

/** What the site needs beside the parts of operations. */
export interface FleetSite {
  /** How all are, as the metrics have it. */
  readonly overview: () => Promise<Overview>
  readonly limits: Limits
  /** Digest of the token of the data directory. */
  readonly ownHash: string
  readonly log: ControlPlaneLog
}

/** The fleet page with its sign-in: what a person opens in a browser. */
export async function fleetSite(server: FastifyInstance, parts: Parts, site: FleetSite): Promise<void> {
  const { overview, limits, ownHash, log } = site
  await server.register(async (pages) => {
    pages.addHook('onRequest', async (_, reply) => {
      void reply.headers(headers)
    })
    pages.setErrorHandler<FastifyError>((error, request, reply) => answerPage(error, request, reply, log))
    takeForms(pages)
    addStyle(pages)
    addSignIn(pages, parts, site)
    await pages.register(async (guarded) => {
      guarded.addHook('onRequest', guardPage(parts, ownHash, limits))
      fleetPages(guarded, parts, overview)
      guarded.post('/fleet/sign-out', { preHandler: requireOwnOrigin }, async (request, reply) => {
        await signOut(parts, request, reply)
        return reply.redirect('/fleet/sign-in', 303)
      })
    })
  })
}

/** Forms alone: what a script of another site could send besides is not read. */
function takeForms(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: mostOfForm },
    (_, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
}

function addStyle(server: FastifyInstance): void {
  server.get('/fleet/page.css', async (_, reply) => reply.type('text/css; charset=utf-8').send(fleetStyle))
  server.get('/fleet/icon.svg', async (_, reply) => reply.type('image/svg+xml').send(pageIcon))
}

function addSignIn(server: FastifyInstance, parts: Parts, { limits, ownHash }: FleetSite): void {
  server.get('/fleet/sign-in', async (_, reply) =>
    reply.type(asPage).send(signInPage({ to: '/fleet', error: null, isFromElsewhere: false })),
  )

  server.post<{ Body: { token: string; to?: string } }>(
    '/fleet/sign-in',
    { onRequest: requireOwnOrigin, schema: { body: signInBody } },
    async (request, reply) => {
      const { token, to = '/fleet' } = request.body
      const outcome = await signIn(parts, ownHash, limits, token.trim(), [request, reply])
      if (outcome === null) return reply
      if (outcome === 'signed in') return reply.redirect(pageIn(to), 303)
      const isTooMany = outcome === 'too many'
      if (isTooMany) reply.header('retry-after', String(retryAfterS(leastRetryS)))
      const error = isTooMany ? tooMany : 'This is no token of an operator of this control plane, or it was revoked.'
      const form = { to: pageIn(to), error, isFromElsewhere: false }
      return reply
        .code(isTooMany ? 429 : 401)
        .type(asPage)
        .send(signInPage(form))
    },
  )
}

const leastRetryS = 10
const tooMany = 'Too many wrong tokens came from your address. Wait a minute, and try again.'

/** Who is not signed in gets the form, in the place of the page. */
async function answerPage(
  error: FastifyError | Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ControlPlaneLog,
): Promise<void> {
  const { status, message } = tellError(error, request, reply, log)
  const isFromElsewhere = request.headers['sec-fetch-site'] === 'cross-site'
  const page =
    status === 401
      ? signInPage({ to: pageIn(request.url), error: null, isFromElsewhere })
      : messagePage(status >= 500 ? 'It did not work' : 'That was refused', message, request.id)
  await reply.code(status).type(asPage).send(page)
}
