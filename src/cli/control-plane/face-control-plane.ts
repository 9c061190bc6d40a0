import { text } from 'node:stream/consumers'
import type { HostFacts } from '../../control-plane/host-facts.ts'
import { type AgentEndpoint, type ControlPlane, openControlPlane } from '../../control-plane/open-control-plane.ts'
import { register } from '../../control-plane/register.ts'
import type { Endpoint } from '../../control-plane/request.ts'
import { type AskedRollback, type RollbackAnswer, readRollbackAnswer } from '../../control-plane/rollback-call.ts'
import { isMeetingAnswer, type MeetingAnswer, type MeetingError } from '../../documents/meeting.ts'
import { type Membership, noMembership } from '../../documents/membership.ts'
import type { JobReport } from '../../documents/report.ts'
import { errorTold, tellError } from '../../error/told-error.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { askProgram } from '../../host/process/ask-program.ts'
import { resolveUser } from '../../host/users.ts'
import { courierUser } from '../half/sockets.ts'

/** What a command asks a control plane once. */
type Question =
  | AgentQuestion
  | {
      readonly ask: 'register'
      readonly endpoint: Endpoint
      readonly facts: HostFacts
      readonly name: string
      readonly idempotencyKey: string
      readonly clientCsr?: string | undefined
    }

/** What it asks as an agent. */
type AgentQuestion = { readonly endpoint: AgentEndpoint; readonly membership: Membership } & (
  | { readonly ask: 'heartbeat'; readonly facts: HostFacts }
  | { readonly ask: 'rollback'; readonly facts: HostFacts; readonly asked: AskedRollback }
  | { readonly ask: 'report'; readonly reports: readonly JobReport[] }
)

/** Longer than the control plane has for one request. */
const answerMs = 60_000

/** What a command may ask of it. */
export interface FacedControlPlane extends Pick<ControlPlane, 'clockAheadMs'> {
  heartbeat(facts: HostFacts): Promise<void>
  /** Null: it knows nothing of rollbacks. */
  askRollback(facts: HostFacts, asked: AskedRollback): Promise<RollbackAnswer | null>
  /** All of them, or it fails. */
  report(reports: readonly JobReport[]): Promise<void>
}

/**
 * The control plane for a command that root runs: what it sends is read by the user `waxseal`, in a process of its own, where there is
 * one. Opens nothing before the heartbeat. The membership is read for each call: the courier may have exchanged its credential since.
 */
export function faceControlPlane(
  endpoint: AgentEndpoint,
  readMembership: () => Promise<Membership> = async () => noMembership,
): FacedControlPlane {
  let aheadMs: number | null = null
  return {
    heartbeat: async (facts) => {
      aheadMs = (await put({ ask: 'heartbeat', endpoint, membership: await readMembership(), facts })).aheadMs ?? null
    },
    askRollback: async (facts, asked) => {
      const membership = await readMembership()
      const { rollback = null } = await put({ ask: 'rollback', endpoint: brief(endpoint), membership, facts, asked })
      return rollback === null ? null : readRollbackAnswer(rollback)
    },
    report: async (reports) => {
      await put({ ask: 'report', endpoint: brief(endpoint), membership: await readMembership(), reports })
    },
    clockAheadMs: () => aheadMs,
  }
}

/** Registers this host, as {@link faceControlPlane} asks. With the same key, token and name a server may know it again. */
export async function registerHost(
  endpoint: Endpoint,
  wanted: { readonly name: string; readonly idempotencyKey: string; readonly clientCsr?: string | undefined },
  facts: HostFacts,
): ReturnType<typeof register> {
  const answer = await put({ ask: 'register', endpoint, ...wanted, facts })
  const { agentId, credential = null, clientCertificate = null } = answer
  if (agentId === undefined) throw unusable()
  return { agentId, credential, clientCertificate }
}

/** What the process that faces the control plane does: a question on its standard input, an answer on its standard output. */
export async function answerOnce(): Promise<string> {
  const question = JSON.parse(await text(process.stdin)) as Question
  const answer: MeetingAnswer | MeetingError = await answerTo(question).catch((error: unknown) => ({
    error: tellError(asWaxsealError(error)),
  }))
  return JSON.stringify(answer)
}

async function put(question: Question): Promise<MeetingAnswer> {
  const account = process.getuid?.() === 0 ? await resolveUser(courierUser) : null
  if (account === null) return answerTo(question)
  const line = await askProgram(process.argv[1] ?? '', ['courier', '--once'], {
    text: JSON.stringify(question),
    account,
    ms: answerMs,
  })
  const answer = parsed(line)
  if (!isMeetingAnswer(answer)) throw unusable()
  if ('error' in answer) throw errorTold(answer.error, 'CONTROL_PLANE_REFUSED')
  return answer
}

async function answerTo(question: Question): Promise<MeetingAnswer> {
  if (question.ask === 'register') {
    const { endpoint, name, facts, idempotencyKey, clientCsr } = question
    return register(endpoint, name, facts, idempotencyKey, clientCsr)
  }
  const controlPlane = openControlPlane(question.endpoint)
  controlPlane.adopt(question.membership)
  try {
    if (question.ask === 'report') {
      for (const report of question.reports) await send(controlPlane, report)
      return {}
    }
    await controlPlane.heartbeat(question.facts)
    if (question.ask === 'rollback') return { rollback: await controlPlane.askRollback(question.asked) }
    return { aheadMs: controlPlane.clockAheadMs() }
  } finally {
    await controlPlane.close()
  }
}

function send(controlPlane: ControlPlane, report: JobReport): Promise<void> {
  if (report.kind === 'verification') return controlPlane.reportVerification(report.jobId, report)
  const { kind: _, jobId, ...said } = report
  return controlPlane.reportStatus(jobId, said)
}

/** Two calls, one after the other, have their time within one question. */
function brief(endpoint: AgentEndpoint): AgentEndpoint {
  return { ...endpoint, timeoutMs: 20_000 }
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
