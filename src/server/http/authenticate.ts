import type { FastifyReply, FastifyRequest } from 'fastify'
import { authenticateAgent, type Proof } from '../operation/agent/authenticate-agent.ts'
import type { Actor } from '../operation/audit.ts'
import type { InTurn } from '../operation/certificate/in-turn.ts'
import { type Caller, mayDo, operatorWith } from '../operation/operators.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { hashSecret, secretProof } from '../operation/secret.ts'
import type { AgentRow } from '../store/rows.ts'
import { secretIn } from './bearer.ts'
import { leastRoleOf } from './least-roles.ts'
import type { Lasting, Limits } from './limits.ts'
import { proofOf } from './proof-of.ts'

/** Runs before the body of a request is read. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

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
  return active(agentOf(request))
}

/** The agent of this request as it is now, after a while: fails where its credential is not good any more, or it was retired. */
export async function agentAgain(parts: Parts, request: FastifyRequest): Promise<AgentRow> {
  const proof = proofOf(request)
  if (proof === null) throw new Refusal('unauthorized', needed)
  const agent = active(await authenticateAgent(parts, proof))
  await parts.presence.hear(agent.id, true)
  return agent
}

function active(agent: AgentRow): AgentRow {
  if (agent.status === 'active') return agent
  const hint = 'if its host is to come back, an operator lets it in: waxseal control-plane readmit'
  throw new Refusal('gone', `this agent is retired; ${hint}`)
}

/** The operator that this request comes from. */
function operatorOf(request: FastifyRequest): Caller {
  const operator = operators.get(request)
  if (operator === undefined) throw new Error('the call was not authenticated')
  return operator
}

/** The same, as the audit trail names it. */
export function actorOf(request: FastifyRequest): Actor {
  return `operator:${operatorOf(request).name}`
}

/** Lets in an agent, with its own id where the path has one. `turn`: of calls that come by the thousand and can wait. */
export function guardAgent(parts: Parts, limits: Limits, turn: InTurn = (work) => work()): Guard {
  return async (request, reply) => {
    const find = (proof: Proof) => turn(() => authenticateAgent(parts, proof))
    const found = await lookUp(limits, request, reply, proofOf(request), find)
    if (found === null) return
    const { who: agent, digest } = found
    if (await limits.isLimited(agent.id, digest, request, reply)) return
    const { id } = request.params as { readonly id?: string }
    if (id !== undefined && id !== agent.id) throw new Refusal('forbidden', 'the credential belongs to another agent')
    agents.set(request, agent)
    await parts.presence.hear(agent.id)
  }
}

/** After `guardAgent`, for a call that leaves something in the database each time, or is a CSR. */
export function guardLasting(limits: Limits, of: Lasting = 'row'): Guard {
  return async (request, reply) => {
    await limits.isLastingLimited(of, agentOf(request).id, request, reply)
  }
}

/** Lets in a bootstrap token that is good, and one that was used up by a registration which is asked for again. */
export function guardToken({ store }: Parts, limits: Limits): Guard {
  return async (request, reply) => {
    const found = await lookUp(limits, request, reply, bearerOf(request), async ({ hash }) => {
      const [token, now] = [await store.tokens.find(hash), await store.now()]
      const isLeft = token !== null && (token.usesLeft > 0 || 'idempotency-key' in request.headers)
      if (!isLeft || (token.expiresAt !== null && token.expiresAt <= now))
        throw new Refusal('unauthorized', 'the bootstrap token is not valid')
      return token
    })
    if (found !== null) await limits.isLimited(`token:${found.digest}`, found.digest, request, reply)
  }
}

/** Lets in the operator of the data directory, and those that the store knows, where their role suffices for the call. */
export function guardOperator({ store }: Parts, operatorToken: string, limits: Limits): Guard {
  const ownHash = hashSecret(operatorToken)
  return async (request, reply) => {
    const found = await lookUp(limits, request, reply, bearerOf(request), async ({ hash }): Promise<Caller> => {
      const operator = await operatorWith(store, ownHash, hash)
      if (operator !== null) return operator
      throw new Refusal(
        'unauthorized',
        'the operator token is not valid: it was revoked, or is of another control plane',
      )
    })
    if (found === null) return
    const { who: caller, digest } = found
    if (await limits.isLimited(`operator:${caller.name}`, digest, request, reply)) return
    const least = leastRoleOf(request.routeOptions)
    if (!mayDo(caller.role, least))
      throw new Refusal('forbidden', `this needs the role ${least}, and yours is ${caller.role}`)
    operators.set(request, caller)
  }
}

const needed = 'a bearer credential is needed'

function bearerOf(request: FastifyRequest): Proof | null {
  const secret = secretIn(request)
  return secret === null ? null : secretProof(secret)
}

/** Who this is by what the request shows; null: it was answered, for too many came from this address that nobody knows. */
export async function lookUp<Who>(
  limits: Limits,
  request: FastifyRequest,
  reply: FastifyReply,
  proof: Proof | null,
  find: (proof: Proof) => Promise<Who>,
): Promise<{ readonly who: Who; readonly digest: string } | null> {
  const digest = proof?.hash ?? ''
  if (await limits.isAddressLimited(request, reply, digest)) return null
  try {
    if (proof === null) throw new Refusal('unauthorized', needed)
    return { who: await find(proof), digest }
  } catch (error) {
    // Who is to come again later was not looked up.
    if (error instanceof Refusal && error.kind !== 'busy') await limits.countRefused(request, digest)
    throw error
  }
}
