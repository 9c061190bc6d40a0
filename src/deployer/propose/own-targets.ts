import { type BrokenTarget, broken, type HostTarget, type HostTargets } from '../../config/host-targets.ts'
import type { Connector } from '../../connector/connector.ts'
import { reasonAgainstFields } from '../../connector/planner/reason-against-fields.ts'
import type { Registry } from '../../connector/registry/registry.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from './deploy-request.ts'

/** The host's own targets, without those that their connector does not know. */
export function checkOwnTargets({ targets, broken: others }: HostTargets, registry: Registry): HostTargets {
  const checked = targets.map((target) => ({ target, reason: reasonAgainst(target, registry) }))
  return {
    targets: checked.flatMap(({ target, reason }) => (reason === null ? [target] : [])),
    broken: [...others, ...checked.flatMap(({ target, reason }) => (reason === null ? [] : [broken(target, reason)]))],
  }
}

/** Null: none. Which fields it has to have is another matter: a job may bring them. */
function reasonAgainst({ connector: name, fields }: HostTarget, { connectors }: Registry): string | null {
  const connector = connectors.find((one) => isCalled(one, name))
  if (connector !== undefined) return reasonAgainstFields(connector, fields)
  const known = connectors.map((one) => one.name).join(', ')
  return `no connector is called ${name}; there are ${known}`
}

/** By its name or an alias, in any case. */
export function isCalled({ name, aliases }: Connector, given: string): boolean {
  return [name, ...aliases].some((one) => one.toLowerCase() === given.toLowerCase())
}

/** What a deployment is about on this host: by its job, and by the host's own file for it. */
export interface OwnedTarget {
  readonly connector: Connector
  readonly config: unknown
  /** The fields of the host's own file; none: there is none. */
  readonly own: Readonly<Record<string, unknown>>
  /** How that file is called, or would be. */
  readonly ownFile: string
  /** Whether all of it are the host's own words: by its file alone, or by root on the command line. */
  readonly isHosts: boolean
}

/** TARGET_NOT_ALLOWED where policy wants a file of the host's own and there is none; TARGET_INVALID where that is of no use. */
export function ownedTarget(request: DeployRequest, engine: Engine): OwnedTarget {
  const { registry, policy, ownTargets, targetsDir } = engine
  const { job, target } = request
  const usual = `${targetsDir}/NAME.yaml, with target_id: ${target}`
  const isHosts = job === undefined
  const config = isHosts ? request.config : withInstance(request)
  const asAsked = (): OwnedTarget => {
    const connector = registry.find(request.connector)
    return { connector, config, own: {}, ownFile: usual, isHosts }
  }
  if (isHosts) return asAsked()
  const file = ownTargets.targets.find((one) => isFor(one, request))
  const spoilt = ownTargets.broken.find((one) => mayBeFor(one, request))
  if (file === undefined && spoilt !== undefined)
    throw new WaxsealError('TARGET_INVALID', { file: spoilt.file, reason: spoilt.reason })
  if (policy.targets === 'local') {
    const hint = `Write it into ${usual}, connector: ${request.connector.slice(0, 100)} and its fields.`
    if (file === undefined) throw new WaxsealError('TARGET_NOT_ALLOWED', { target, setting: 'policy.targets', hint })
    return { connector: registry.find(file.connector), config: file.fields, own: {}, ownFile: file.file, isHosts: true }
  }
  if (file === undefined) return asAsked()
  const connector = registry.find(request.connector)
  if (registry.find(file.connector) === connector)
    return { connector, config: asJobSaid(request, config, file), own: file.fields, ownFile: file.file, isHosts }
  const reason = `the job is for ${connector.name}, and the host's own file says ${file.connector}`
  throw new WaxsealError('TARGET_INVALID', { file: file.file, field: 'connector', reason })
}

/** A kept pair has the fields of the host's own file in its target: those are not the job's words. */
function asJobSaid({ generation, own }: DeployRequest, config: unknown, { fields }: HostTarget): unknown {
  if ((generation === undefined && own !== true) || typeof config !== 'object' || config === null) return config
  const isOwn = ([name, value]: readonly [string, unknown]): boolean =>
    JSON.stringify(fields[name]) === JSON.stringify(value)
  return Object.fromEntries(Object.entries(config).filter((entry) => !isOwn(entry)))
}

/** A job may name the instance beside its target, or in it. */
function withInstance({ config, instance }: DeployRequest): unknown {
  const isGroup = typeof config === 'object' && config !== null && !Array.isArray(config)
  return instance === undefined || !isGroup ? config : { instance, ...config }
}

/** By its id where it has one, else by its name. */
function isFor({ targetId, targetName }: HostTarget, { target, targetName: asked }: DeployRequest): boolean {
  return targetId === null ? targetName === asked : targetId === target
}

function mayBeFor({ targetId, targetName }: BrokenTarget, { target, targetName: asked }: DeployRequest): boolean {
  return targetId === null ? targetName === null || targetName === asked : targetId === target
}
