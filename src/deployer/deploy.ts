import { WaxsealError } from '../error/waxseal-error.ts'
import type { Outcome } from '../outcome/outcome.ts'
import type { Engine } from './engine.ts'
import { readTargetNames } from './find-target.ts'
import { inParallel } from './in-parallel.ts'
import type { DeployRequest } from './propose/deploy-request.ts'
import { type AskRunning, proposeAll } from './propose/propose-all.ts'
import { type RunningDaemon, readRunning } from './propose/running-daemons.ts'
import { OutcomeDraft } from './transaction/outcome-draft.ts'
import { replace } from './transaction/replace.ts'
import type { OnStep } from './transaction/step-recorder.ts'
import type { Deployment, Transaction } from './transaction/transaction.ts'

/** One deployment that is asked for, and who is told of it. */
export interface Order {
  readonly request: DeployRequest
  readonly onStep: OnStep
  /** Told once, as soon as the outcome is known; one order at a time. */
  readonly onOutcome: (outcome: Outcome) => Promise<void>
}

/** One deployment, in the order of the design: every failure is an outcome; only STATE_BUSY is thrown. */
export async function deploy(request: DeployRequest, engine: Engine, onStep: OnStep = () => {}): Promise<Outcome> {
  const outcomes: Outcome[] = []
  const onOutcome = async (outcome: Outcome): Promise<void> => void outcomes.push(outcome)
  await deployTogether([{ request, onStep, onOutcome }], engine)
  const [outcome] = outcomes
  if (outcome === undefined) throw new WaxsealError('INTERNAL', { reason: 'a deployment without an outcome' })
  return outcome
}

/**
 * Deployments that wait together, oldest first. Those to one service become one transaction; different services run side
 * by side. A transaction that fails is undone, and its members are tried in smaller ones, so that a bad certificate does
 * not hold back the rest. Once the signal aborts, what has begun ends, and nothing is tried again: orders that were told
 * no outcome are for the next start. Throws STATE_BUSY alone: then nothing was begun.
 */
export async function deployTogether(
  orders: readonly Order[],
  engine: Engine,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  let asked: Promise<readonly RunningDaemon[]> | null = null
  const running: AskRunning = (hostView) => {
    asked ??= readRunning({ ...engine, hostView })
    asked.catch(() => {})
    return asked
  }
  await engine.turns.take(() => deployAll(begin(orders, engine), { engine, running, signal }))
}

/** What all transactions of one call have in common. */
interface Surroundings {
  readonly engine: Engine
  /** The daemons that run, asked once. */
  readonly running: AskRunning
  readonly signal: AbortSignal
}

async function deployAll(deployments: readonly Deployment[], around: Surroundings): Promise<void> {
  const { engine, running, signal } = around
  const { transactions, later } = await proposeAll(deployments, running, engine)
  await inParallel(transactions, engine.parallelServices, (members) => transact(members, around))
  if (later.length > 0 && !signal.aborted) await deployAll(later, around)
}

/** Outcomes are told one after the other, in whatever order they come. */
function begin(orders: readonly Order[], engine: Engine): readonly Deployment[] {
  const started = engine.clock.now()
  let last = Promise.resolve()
  return orders.map(({ request, onStep, onOutcome }) => ({
    request,
    draft: new OutcomeDraft(engine.clock, onStep),
    end: (outcome) => {
      last = last.then(async () => {
        await note(request, outcome, started, engine)
        await onOutcome(outcome)
      })
      return last
    },
  }))
}

async function transact(members: Transaction, around: Surroundings): Promise<void> {
  const outcomes = await replace(members, around.engine)
  const isUndone = outcomes.every(({ outcome }) => outcome === 'refused' || outcome === 'rolled-back')
  const isLimited = outcomes.every(({ code }) => code === 'LIMIT_EXCEEDED')
  if (members.length === 1 || !isUndone || isLimited) {
    for (const [index, outcome] of outcomes.entries()) await members[index]?.end(outcome)
    return
  }
  for (const part of smaller(members)) {
    if (around.signal.aborted) return
    await deployAll(part, around)
  }
}

/** Those whose own ports did not show the new leaf are tried alone, after all the others; without such a sign, each is. */
function smaller(members: Transaction): readonly Transaction[] {
  const isSuspect = ({ draft }: Deployment): boolean => draft.probes.some((probe) => !probe.ok)
  const suspects = members.filter(isSuspect)
  const others = members.filter((member) => !isSuspect(member))
  const alone = (some: Transaction): readonly Transaction[] => some.map((member) => [member])
  return suspects.length === 0 || others.length === 0 ? alone(members) : [others, ...alone(suspects)]
}

const slips: readonly (string | null)[] = ['CONNECTOR_UNKNOWN', 'TARGET_INVALID', 'TARGET_REDACTED']

/**
 * What a person mistyped for a target that is not known makes no target: check and alerts would name it for ever. Where the target
 * is known, a hook has broken, and that is to be seen.
 */
async function isSlipOfHand({ job, target }: DeployRequest, { code }: Outcome, engine: Engine): Promise<boolean> {
  if (job !== undefined || !slips.includes(code)) return false
  const isKnown = await readTargetNames(engine).then(
    ({ ids }) => ids.includes(target),
    () => true,
  )
  return !isKnown
}

/** The history is for people: that it cannot be written fails no deployment. */
async function note(request: DeployRequest, outcome: Outcome, started: number, engine: Engine): Promise<void> {
  // It waits, and may do so often.
  if (request.job !== undefined && outcome.code === 'LIMIT_EXCEEDED') return
  if (await isSlipOfHand(request, outcome, engine)) return
  const line = {
    time: new Date(started).toISOString(),
    target: request.target,
    ...(request.targetName === undefined ? {} : { targetName: request.targetName }),
    connector: request.connector,
    outcome: outcome.outcome,
    host: outcome.host,
    code: outcome.code,
    message: outcome.message,
    sha256: outcome.certificate?.sha256 ?? null,
    proven: outcome.proven,
    ...(outcome.printed === undefined ? {} : { printed: outcome.printed }),
    ms: engine.clock.now() - started,
    ...(request.job === undefined ? {} : { job: request.job }),
    ...(request.generation === undefined ? {} : { generation: request.generation }),
    steps: outcome.steps.map(({ name, ms }) => ({ name, ms })),
  }
  await engine.history.append(line).catch(() => {})
}
