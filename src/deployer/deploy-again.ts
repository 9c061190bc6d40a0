import { WaxsealError } from '../error/waxseal-error.ts'
import type { ArchivedPair } from '../journal/archive.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { deploy } from './deploy.ts'
import type { Engine } from './engine.ts'
import { readTargetNames } from './find-target.ts'
import type { OnStep } from './transaction/step-recorder.ts'

/**
 * Deploys an older pair of a target once more, with all steps of a deployment. `generation`: null: the one before the
 * live one. CONFIG_INVALID names what there is instead.
 */
export async function deployAgain(
  target: string,
  generation: number | null,
  engine: Engine,
  onStep: OnStep,
): Promise<Outcome> {
  const { keyPem, ...pair } = await olderPair(target, generation, engine)
  const { connector, config, certificatePem, generation: found } = pair
  const targetName = (await readTargetNames(engine)).nameOf(target)
  const named = targetName === null ? {} : { targetName }
  const request = {
    target,
    ...named,
    connector,
    config,
    certificatePem,
    findKey: async () => keyPem,
    generation: found,
  }
  return deploy(request, engine, onStep)
}

async function olderPair(target: string, generation: number | null, engine: Engine): Promise<ArchivedPair> {
  const pairs = await engine.archive.list(target)
  const live = (await engine.records.get(target))?.certificate.sha256
  const found =
    generation === null
      ? pairs.find(
          ({ sha256 }, index) => sha256 !== live && pairs.slice(0, index).some((newer) => newer.sha256 === live),
        )
      : pairs.find((pair) => pair.generation === generation)
  const wanted = found ?? (generation === null ? pairs.find(({ sha256 }) => sha256 !== live) : undefined)
  if (wanted !== undefined) return wanted
  if (pairs.length === 0)
    throw new WaxsealError('CONFIG_INVALID', {
      target,
      reason: 'no pair of it is kept',
      known: await engine.archive.targets(),
    })
  const kept = pairs.map((pair) => `${pair.generation}`)
  throw new WaxsealError('CONFIG_INVALID', { target, reason: 'it has no such older pair', generations: kept })
}
