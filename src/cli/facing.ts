import { text } from 'node:stream/consumers'
import { type ControlPlane, type HostFacts, openControlPlane, register } from '../control-plane/open-control-plane.ts'
import type { Endpoint } from '../control-plane/request.ts'
import { errorTold, tellError } from '../error/told-error.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { askProgram } from '../host/process/ask-program.ts'
import { resolveUser } from '../host/users.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { courierUser } from './sockets.ts'

/** What a command asks a control plane once. */
type Question = { readonly endpoint: Endpoint; readonly facts: HostFacts } & (
  | { readonly ask: 'heartbeat'; readonly agentId: string }
  | { readonly ask: 'register'; readonly name: string }
)

/** Of a heartbeat `aheadMs`, of a registration the other two. */
interface Told {
  readonly aheadMs?: number | null
  readonly agentId?: string
  readonly credential?: string | null
}

type Answer = Told | { readonly error: { readonly code: string; readonly details: Readonly<Record<string, unknown>> } }

const isAnswer = schemaCheck<Answer>({
  type: 'object',
  additionalProperties: false,
  properties: {
    aheadMs: { type: ['number', 'null'] },
    agentId: { type: 'string', minLength: 1, maxLength: 1024 },
    credential: { type: ['string', 'null'], maxLength: 4096 },
    error: {
      type: 'object',
      required: ['code', 'details'],
      properties: { code: { type: 'string' }, details: { type: 'object' } },
    },
  },
})

/** Longer than the control plane has for one request. */
const answerMs = 60_000

/**
 * The control plane for a command that root runs: what it sends is read by the user `waxseal`, in a process of its own, where there is
 * one. Opens nothing before the heartbeat.
 */
export function faceControlPlane(
  endpoint: Endpoint,
  agentId: string,
): Pick<ControlPlane, 'heartbeat' | 'clockAheadMs'> {
  let aheadMs: number | null = null
  return {
    heartbeat: async (facts) => {
      aheadMs = (await put({ ask: 'heartbeat', endpoint, agentId, facts })).aheadMs ?? null
    },
    clockAheadMs: () => aheadMs,
  }
}

/** Registers this host, as {@link faceControlPlane} asks. */
export async function registerHost(
  endpoint: Endpoint,
  name: string,
  facts: HostFacts,
): Promise<{ readonly agentId: string; readonly credential: string | null }> {
  const { agentId, credential = null } = await put({ ask: 'register', endpoint, name, facts })
  if (agentId === undefined) throw unusable()
  return { agentId, credential }
}

/** What the process that faces the control plane does: a question on its standard input, an answer on its standard output. */
export async function answerOnce(): Promise<string> {
  const question = JSON.parse(await text(process.stdin)) as Question
  const answer: Answer = await answerTo(question).catch((error: unknown) => ({
    error: tellError(asWaxsealError(error)),
  }))
  return JSON.stringify(answer)
}

async function put(question: Question): Promise<Told> {
  const account = process.getuid?.() === 0 ? await resolveUser(courierUser) : null
  if (account === null) return answerTo(question)
  const line = await askProgram(['courier', '--once'], JSON.stringify(question), account, answerMs)
  const answer = parsed(line)
  if (!isAnswer(answer)) throw unusable()
  if ('error' in answer) throw errorTold(answer.error, 'CONTROL_PLANE_REFUSED')
  return answer
}

async function answerTo(question: Question): Promise<Told> {
  const { endpoint, facts } = question
  if (question.ask === 'register') return register(endpoint, question.name, facts)
  const controlPlane = openControlPlane({ ...endpoint, agentId: question.agentId })
  try {
    await controlPlane.heartbeat(facts)
    return { aheadMs: controlPlane.clockAheadMs() }
  } finally {
    await controlPlane.close()
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function unusable(): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_REFUSED', {
    reason: 'the process that speaks to the control plane said no such thing',
  })
}
