import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Store } from '../store/store.ts'
import { RateLimit } from './rate-limit.ts'

/** Limits by who asks, where that is known, and by address before that. */
export interface Limits {
  /** Whether too much that was refused came from this address lately; answers 429 then. */
  isAddressLimited(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  /** A request of this address was not of anybody who is known. */
  countRefused(request: FastifyRequest): Promise<void>
  /** Counts a request of this identity; answers 429 where there were too many. */
  isLimited(identity: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean>
}

/** Limits of this server. What is known costs a little; what is not known may not make a flood of look-ups. */
export function openLimits(store: Pick<Store, 'now'>): Limits {
  const [refused, known] = [new RateLimit(), new RateLimit()]
  const answer = async (wait: number, request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    if (wait === 0) return false
    await reply
      .code(429)
      .header('retry-after', String(wait))
      .send({ error: 'too many requests', request_id: request.id })
    return true
  }
  return {
    isAddressLimited: async (request, reply) =>
      answer(refused.wait(networkOf(request.ip), await store.now()), request, reply),
    countRefused: async (request) => void refused.take(networkOf(request.ip), await store.now()),
    isLimited: async (identity, request, reply) => answer(known.take(identity, await store.now()), request, reply),
  }
}

/** One host has a whole /64 of IPv6 to call from. */
function networkOf(ip: string): string {
  return ip.includes(':') && !ip.includes('.') ? ip.split(':').slice(0, 4).join(':') : ip
}
