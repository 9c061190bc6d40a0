import { WaxsealError } from '../error/waxseal-error.ts'
import type { ArchivedPair } from '../journal/archive.ts'
import type { CarriedOrder } from '../order/signed-order.ts'
import type { StandingOrder } from '../order/standing-order.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { deploy } from './deploy.ts'
import type { Engine } from './engine.ts'
import { readTargetNames } from './find-target.ts'
import { asOrdered } from './order/require-order.ts'
import type { DeployRequest } from './propose/deploy-request.ts'
import type { OnStep } from './transaction/step-recorder.ts'

/** Which kept pair: the number of its generation, or the SHA-256 of its leaf, or both; neither: the one before the live one. */
export interface WantedPair {
  readonly generation?: number
  readonly leaf?: string
  /** Root says that no TLSA record has to match it. */
  readonly force?: true
}

/** The job that asks for it, and what covers that where this host wants it. */
export interface AskingJob {
  readonly id: string
  readonly order: StandingOrder | null
  /** The same as it came. */
  readonly carried: CarriedOrder | undefined
}

/**
 * Deploys an older pair of a target once more, with all steps of a deployment. `job`: the control plane asks for it; left out: a
 * person, and then a TLSA record has to match it. GENERATION_UNKNOWN names what there is instead.
 */
export async function deployAgain(
  target: string,
  wanted: WantedPair,
  engine: Engine,
  onStep: OnStep,
  job?: AskingJob,
): Promise<Outcome> {
  const { request } = await olderRequest(target, wanted, engine)
  const asked = {
    ...request,
    ...(job === undefined ? {} : { job: job.id }),
    ...(job === undefined && wanted.force === true ? { force: true } : {}),
  }
  return deploy(asOrdered(asked, job?.order ?? null, job?.carried), engine, onStep)
}

/** What a person asks for who goes back, and the pair that is meant. GENERATION_UNKNOWN as above. */
export async function olderRequest(
  target: string,
  wanted: WantedPair,
  engine: Engine,
): Promise<{
  readonly pair: { readonly generation: number; readonly leaf: string }
  readonly request: DeployRequest
}> {
  const { keyPem, ...older } = await olderPair(target, wanted, engine)
  const { connector, config, certificatePem, generation, sha256 } = older
  const targetName = (await readTargetNames(engine)).nameOf(target)
  const request = {
    target,
    ...(targetName === null ? {} : { targetName }),
    connector,
    config,
    certificatePem,
    findKey: async () => keyPem,
    generation,
  }
  return { pair: { generation, leaf: sha256 }, request }
}

async function olderPair(target: string, wanted: WantedPair, engine: Engine): Promise<ArchivedPair> {
  const pairs = await engine.archive.list(target)
  const { generation, leaf } = wanted
  const isNamed = generation !== undefined || leaf !== undefined
  const found = isNamed
    ? pairs.find((pair) => pair.generation === (generation ?? pair.generation) && pair.sha256 === (leaf ?? pair.sha256))
    : beforeLive(pairs, (await engine.records.get(target))?.certificate.sha256)
  if (found !== undefined) return found
  const reason = pairs.length === 0 ? 'no pair of it is kept' : 'it has no such older pair'
  const kept = pairs.map((pair) => `${pair.generation}`)
  throw new WaxsealError('GENERATION_UNKNOWN', { target, reason, generations: kept })
}

/** Newest first: the first one behind the live one that is another; else any other. */
function beforeLive(pairs: readonly ArchivedPair[], live: string | undefined): ArchivedPair | undefined {
  const isOther = ({ sha256 }: ArchivedPair): boolean => sha256 !== live
  const isBehind = (index: number): boolean => pairs.slice(0, index).some(({ sha256 }) => sha256 === live)
  return pairs.find((pair, index) => isOther(pair) && isBehind(index)) ?? pairs.find(isOther)
}
