import type { FastifyReply, FastifyRequest } from 'fastify'
import { authenticateAgent } from '../operation/authenticate-agent.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { hashSecret, isSecret } from '../operation/secret.ts'
import type { AgentRow, OperatorRow } from '../store/rows.ts'
import { bearerOf } from './bearer.ts'
import type { Limits } from './limits.ts'

/** Runs before the body of a request is read. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Who an operator's call comes from. */
export type Caller = Pick<OperatorRow, 'name' | 'role'>

const agents = new WeakMap<FastifyRequest, AgentRow>()
const operators = new WeakMap<FastifyRequest, Caller>()

/** The agent that this request comes from. */
export function agentOf(request: FastifyRequest): AgentRow {
  const agent = agents.get(request)
  if (agent === undefined) throw new Error('the call was not authenticated')
  return agent
}

/** As above, for a call that begins something: a retired agent only finishes and reports. */
export function activeAgentOf(request: FastifyRequest): AgentRow {
  const agent = agentOf(request)
  if (agent.status === 'retired') throw new Refusal('gone', 'this agent is retired')
  return agent
}

/** The operator that this request comes from. */
export function operatorOf(request: FastifyRequest): Caller {
  const operator = operators.get(request)
  if (operator === undefined) throw new Error('the call was not authenticated')
  return operator
}

/** Lets in an agent, with its own id where the path has one. */
export function guardAgent(parts: Parts, limits: Limits): Guard {
  return async (request, reply) => {
    if (await limits.isAddressLimited(request, reply)) return
    const agent = await unlessRefused(limits, request, () => authenticateAgent(parts, bearerOf(request)))
    if (await limits.isLimited(agent.id, request, reply)) return
    const { id } = request.params as { readonly id?: string }
    if (id !== undefined && id !== agent.id) throw new Refusal('forbidden', 'the credential belongs to another agent')
    agents.set(request, agent)
    await parts.presence.hear(agent.id)
  }
}

/** Lets in a bootstrap token that is good, and one that was used up by a registration which is asked for again. */
export function guardToken({ store }: Parts, limits: Limits): Guard {
  return async (request, reply) => {
    if (await limits.isAddressLimited(request, reply)) return
    const hash = hashSecret(await unlessRefused(limits, request, async () => bearerOf(request)))
    await unlessRefused(limits, request, async () => {
      const [token, now] = [await store.tokens.find(hash), await store.now()]
      const isLeft = token !== null && (token.usesLeft > 0 || 'idempotency-key' in request.headers)
      if (!isLeft || (token.expiresAt !== null && token.expiresAt <= now))
        throw new Refusal('unauthorized', 'the bootstrap token is not valid')
    })
    await limits.isLimited(`token:${hash}`, request, reply)
  }
}

/** Lets in the operator of the data directory, and those that the store knows; a reader only looks. */
export function guardOperator({ store }: Parts, operatorToken: string, limits: Limits): Guard {
  const ownHash = hashSecret(operatorToken)
  return async (request, reply) => {
    if (await limits.isAddressLimited(request, reply)) return
    const caller = await unlessRefused(limits, request, async (): Promise<Caller> => {
      const secret = bearerOf(request)
      if (isSecret(secret, ownHash)) return { name: 'admin', role: 'admin' }
      const found = await store.operators.find(hashSecret(secret))
      if (found !== null) return found
      throw new Refusal('unauthorized', 'the operator token is not valid')
    })
    if (await limits.isLimited(`operator:${caller.name}`, request, reply)) return
    if (caller.role === 'reader' && request.method !== 'GET') throw new Refusal('forbidden', 'a reader changes nothing')
    operators.set(request, caller)
  }
}

async function unlessRefused<T>(limits: Limits, request: FastifyRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) await limits.countRefused(request)
    throw error
  }
}
