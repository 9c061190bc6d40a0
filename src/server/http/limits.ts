import type { FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../../host/socket/network-of.ts'
import type { Store } from '../store/store.ts'
import { RateLimit } from './rate-limit.ts'
import { retryAfterS } from './retry-after.ts'

const mostKnown = 100_000
/**
 * Of calls that leave rows for ever: a thousand for the jobs of a long outage, and then 8,640 a day. Of CSRs, whose signature takes
 * milliseconds to verify whether they are asked for or not: all of a large host, and then one a second.
 */
const lasting = {
  row: { perSecond: 0.1, burst: 1000, mostKeys: 100_000 },
  csr: { perSecond: 1, burst: 5000, mostKeys: 100_000 },
  /** Of the fleet, which takes the database longer than a poll. */
  page: { perSecond: 5, burst: 50, mostKeys: 10_000 },
} as const
/** Of tokens that are none, in a form that people fill. */
const signIns = { perSecond: 0.1, burst: 10, mostKeys: 10_000 } as const

/** What a call leaves, or costs. */
export type Lasting = keyof typeof lasting

/** Limits by who asks, where that is known, and by address before that. No header chooses the limit. */
export interface Limits {
  /**
   * Whether too much that was refused came from this address lately; answers 429 then. `digest` of a credential that was good lately
   * is let through: its host may share the address with an attacker.
   */
  isAddressLimited(request: FastifyRequest, reply: FastifyReply, digest?: string): Promise<boolean>
  /** A request of this address was not of anybody who is known. */
  countRefused(request: FastifyRequest, digest?: string): Promise<void>
  /** Counts a request of this identity, whose credential has this digest; answers 429 where there were too many. */
  isLimited(identity: string, digest: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  /** Whether too many tokens that were none came from this address lately; `digest` of one that was good lately is let through. */
  isSignInLimited(request: FastifyRequest, digest: string): Promise<boolean>
  /** A token was none: counted as `countRefused`, and for sign-ins by themselves. */
  countRefusedSignIn(request: FastifyRequest, digest: string): Promise<void>
  /** The same as `isLimited` for a call that leaves something in the database for ever, if only in the audit trail, or is a CSR or a page. */
  isLastingLimited(of: Lasting, identity: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean>
}

/** Limits of this server. What is known costs a little; what is not known may not make a flood of look-ups. */
export function openLimits(store: Pick<Store, 'now'>): Limits {
  const [refused, known] = [new RateLimit(), new RateLimit()]
  const signing = new RateLimit(signIns)
  const kept = {
    row: new RateLimit(lasting.row),
    csr: new RateLimit(lasting.csr),
    page: new RateLimit(lasting.page),
  }
  /** Only what was found good comes in: it grows with the fleet, and not with an attacker. */
  const good = new Set<string>()
  const answer = async (isFree: boolean, request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    if (isFree) return false
    await reply
      .code(429)
      .header('retry-after', String(retryAfterS(1)))
      .send({ error: 'too many requests', request_id: request.id })
    return true
  }
  const countRefused: Limits['countRefused'] = async (request, digest = '') => {
    good.delete(digest)
    refused.take(networkOf(request.ip), await store.now())
  }
  return {
    countRefused,
    isSignInLimited: async (request, digest) =>
      !(good.has(digest) || signing.isFree(networkOf(request.ip), await store.now())),
    countRefusedSignIn: async (request, digest) => {
      await countRefused(request, digest)
      signing.take(networkOf(request.ip), await store.now())
    },
    isAddressLimited: async (request, reply, digest = '') =>
      answer(good.has(digest) || refused.isFree(networkOf(request.ip), await store.now()), request, reply),
    isLastingLimited: async (of, identity, request, reply) =>
      answer(kept[of].take(identity, await store.now()), request, reply),
    isLimited: async (identity, digest, request, reply) => {
      // What was exchanged long ago makes room; who is sent away by that comes in again with the next call.
      good.add(digest)
      if (good.size > mostKnown) good.delete(oldestOf(good))
      return answer(known.take(identity, await store.now()), request, reply)
    },
  }
}

function oldestOf([oldest = '']: Iterable<string>): string {
  return oldest
}
