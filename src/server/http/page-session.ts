import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, mayDo, operatorWith } from '../operation/operators.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { hashSecret, secretProof } from '../operation/secret.ts'
import { beginSession, endSession, resumeSession } from '../operation/sessions.ts'
import { type Guard, lookUp } from './authenticate.ts'
import type { Limits } from './limits.ts'

/** `__Host-`: no other host, and no page of this one over HTTP, can set it (RFC 6265bis, 4.1.3.2). */
const cookieName = '__Host-waxseal'
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict'

const callers = new WeakMap<FastifyRequest, Caller>()

/** Who looks at this page. */
export function viewerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new Error('the page was not authenticated')
  return caller
}

/** Lets in who has signed in. Each call asks the store: who was revoked is out with the next one, on every server. */
export function guardPage(parts: Parts, ownHash: string, limits: Limits): Guard {
  return async (request, reply) => {
    const session = sessionIn(request)
    const proof = session === null ? null : secretProof(session)
    const found = await lookUp(limits, request, reply, proof, async ({ hash }) => {
      const caller = await resumeSession(parts, ownHash, hash)
      if (caller === null || !mayDo(caller.role, 'reader')) throw new Refusal('unauthorized', 'sign in first')
      return caller
    })
    if (found === null) return
    const identity = `operator:${found.who.name}`
    if (await limits.isLimited(identity, found.digest, request, reply)) return
    if (await limits.isLastingLimited('page', identity, request, reply)) return
    callers.set(request, found.who)
  }
}

/**
 * Refuses what a form of another site sends. Each browser of today says from where a POST comes; who says nothing is refused as well.
 * The name of this host cannot be another's: its certificate would not fit.
 */
export async function requireOwnOrigin({ headers }: FastifyRequest): Promise<void> {
  if (headers.host !== undefined && headers.origin === `https://${headers.host}`) return
  throw new Refusal('forbidden', 'this form was not sent by a page of this control plane; open its page, and try again')
}

/** Signs in with an operator's token: the answer gets the cookie of a new session. `too many`: wrong tokens of this address. Null: it was answered. */
export async function signIn(
  parts: Parts,
  ownHash: string,
  limits: Limits,
  token: string,
  [request, reply]: readonly [FastifyRequest, FastifyReply],
): Promise<'signed in' | 'unknown' | 'too many' | null> {
  const tokenHash = hashSecret(token)
  if (await limits.isAddressLimited(request, reply, tokenHash)) return null
  if (await limits.isSignInLimited(request, tokenHash)) return 'too many'
  const operator = await operatorWith(parts.store, ownHash, tokenHash)
  if (operator === null) {
    await limits.countRefusedSignIn(request, tokenHash)
    return 'unknown'
  }
  const identity = `operator:${operator.name}`
  if (await limits.isLimited(identity, tokenHash, request, reply)) return null
  if (await limits.isLastingLimited('row', identity, request, reply)) return null
  const former = sessionIn(request)
  const formerHash = former === null ? null : hashSecret(former)
  const secret = await beginSession(parts, operator, { tokenHash, address: request.ip, formerHash })
  reply.header('set-cookie', `${cookieName}=${secret}; ${attributes}`)
  return 'signed in'
}

/** Ends the session of this request, and has the browser forget it. */
export async function signOut(parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await endSession(parts, viewerOf(request), hashSecret(sessionIn(request) ?? ''))
  reply.header('set-cookie', `${cookieName}=; ${attributes}; Max-Age=0`)
}

/** The secret of the cookie; null: there is none. */
function sessionIn({ headers }: FastifyRequest): string | null {
  return /(?:^|; ?)__Host-waxseal=([\w-]{1,128})(?:;|$)/.exec(headers.cookie ?? '')?.[1] ?? null
}
