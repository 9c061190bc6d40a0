import type { Config } from '../../config/config.ts'
import { openDeployer } from '../../courier/deployer.ts'
import { beginRollback, cancelled } from '../../deployer/begun-rollbacks.ts'
import { deployAgain, type WantedPair } from '../../deployer/deploy-again.ts'
import type { Engine } from '../../deployer/engine.ts'
import { lookBack, type RollbackLook } from '../../deployer/look-back.ts'
import { courierMemoryFolder, readMembership } from '../../deployer/serve/courier-memory.ts'
import type { OnStep } from '../../deployer/transaction/step-recorder.ts'
import { asWaxsealError, describeError } from '../../error/waxseal-error.ts'
import { hostFacts } from '../../host/host-facts.ts'
import type { Outcome } from '../../outcome/outcome.ts'
import { version } from '../../version.ts'
import { finishFirst } from '../context.ts'
import { endpointOf } from '../control-plane/connect.ts'
import { type FacedControlPlane, faceControlPlane } from '../control-plane/face-control-plane.ts'
import { deployerSocket, socketsOf } from '../half/sockets.ts'
import { interruptible } from './interruptible.ts'
import { type Published, publishFirst } from './publish-first.ts'

/** A rollback that a person asks for. */
export interface AskedForByHand {
  readonly target: string
  readonly wanted: WantedPair
  /** So long the record of the older key is waited for. */
  readonly waitS: number
  readonly tell: (line: string) => void
  readonly onStep: OnStep
}

/**
 * Goes back to an older pair of a target. Where the DNS has TLSA records for it, the control plane is asked to publish that of the older key
 * first; where it does not, the pair has to match those that are there. DANE_WAITING: it may not be served yet.
 */
export async function goBack(config: Config, engine: Engine, asked: AskedForByHand): Promise<Outcome> {
  const { target, wanted, tell, onStep } = asked
  const look = await lookFirst(config, engine, asked)
  const controlPlane = look === null ? null : await facedFor(config, tell)
  if (look === null || controlPlane === null) {
    finishFirst()
    return deployAgain(target, wanted, engine, onStep)
  }
  const published = await waitFor(controlPlane, look, engine, asked)
  const pair = { ...wanted, ...look.pair }
  finishFirst()
  if ('alone' in published) {
    tell(`The control plane publishes nothing for this: ${published.alone}.`)
    if (look.isSeen)
      tell(
        'The DNS matches the older pair now. The control plane may remove its record: it does not know of this rollback.',
      )
    return deployAgain(target, pair, engine, onStep)
  }
  const begun = { jobId: published.jobId, targetId: target, leaf: look.pair.leaf }
  const { outcome, isTold } = await beginRollback(config.stateDir, begun, engine.clock, {
    work: () => deployAgain(target, pair, engine, onStep),
    tell: (reports) => controlPlane.report(reports),
  })
  if (!isTold) {
    tell('The control plane could not be told yet: the agent of this host does that as soon as it can.')
    await wakeDeployer(config)
  }
  return outcome
}

/** Null: no TLSA record has to match, or the rollback itself says what is wrong. */
async function lookFirst(
  { policy, controlPlane }: Config,
  engine: Engine,
  { target, wanted }: AskedForByHand,
): Promise<RollbackLook | null> {
  if (wanted.force === true || policy.dane === 'off' || controlPlane === null) return null
  const look = await lookBack(target, wanted, engine).catch(() => null)
  return look?.hasDane === true ? look : null
}

async function facedFor(config: Config, tell: (line: string) => void): Promise<FacedControlPlane | null> {
  try {
    return faceControlPlane(await endpointOf(config), () => readMembership(courierMemoryFolder(config.stateDir)))
  } catch (error) {
    const coded = asWaxsealError(error)
    tell(`The control plane is not asked: ${coded.code}: ${describeError(coded)}`)
    return null
  }
}

function waitFor(
  controlPlane: FacedControlPlane,
  { pair }: RollbackLook,
  engine: Engine,
  { target, waitS, tell }: AskedForByHand,
): Promise<Published> {
  const facts = hostFacts(version)
  return interruptible((signal) =>
    publishFirst({
      ask: (jobId) => controlPlane.askRollback(facts, { targetId: target, fingerprint: pair.leaf, waitS, jobId }),
      giveUp: (jobId) => controlPlane.report([cancelled(jobId)]),
      look: () => lookBack(target, pair, engine),
      tell,
      clock: engine.clock,
      waitMs: waitS * 1000,
      signal,
    }),
  )
}

/** Where it does not run, it takes what is left to tell at its next start. */
async function wakeDeployer({ stateDir }: Config): Promise<void> {
  for (const socket of [deployerSocket, socketsOf(stateDir).deployer])
    await openDeployer(socket)
      .ask({ ask: 'work' })
      .catch(() => {})
}
