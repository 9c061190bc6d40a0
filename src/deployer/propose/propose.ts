import { isInPlace, type PreparedChanges } from '../../apply/prepare-changes.ts'
import type { PolicyConfig } from '../../config/config.ts'
import type { Connector } from '../../connector/connector.ts'
import { checkWhole } from '../../connector/planner/check-target.ts'
import { type Completion, completeTarget } from '../../connector/planner/complete-target.ts'
import { planFor } from '../../connector/planner/plan-for.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { requireRoomFor } from '../../limit/within.ts'
import type { Material } from '../../material/material.ts'
import { parseChain, parseMaterial } from '../../material/parse-material.ts'
import type { Plan } from '../../plan/plan.ts'
import { advise, warnOnly } from '../../policy/advise.ts'
import { checkOwners } from '../../policy/check-owners.ts'
import type { Live } from '../../policy/live.ts'
import { checkPolicy } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'
import { requireOrdered } from '../order/require-issuer.ts'
import { missing } from '../order/require-order.ts'
import type { OutcomeDraft } from '../transaction/outcome-draft.ts'
import type { DeployRequest } from './deploy-request.ts'
import { liveCertificates, readable } from './live-leaf.ts'
import { nameFile } from './name-file.ts'
import { nameTarget } from './name-target.ts'
import { type OwnedTarget, ownedTarget } from './own-targets.ts'
import { place } from './place.ts'
import { requireWholePairs } from './require-whole-pairs.ts'

/** All that is known before anything is touched. */
export interface Proposal {
  readonly connector: Connector
  /** Without blanked fields, and with those of the host's own file. */
  readonly config: unknown
  readonly material: Material
  readonly plan: Plan
  readonly changes: PreparedChanges
}

/** A job may call its target as it likes, and each new name is a record and kept pairs. */
async function requireRoomForTarget(target: string, { records }: Engine): Promise<void> {
  if ((await records.get(target)) === null) requireRoomFor('targetsKept', await records.count())
}

/**
 * Material, plan and policy: the part of a deployment that only reads. `onMaterial`: the material is good, and the host is asked from now
 * on. Throws a coded error; the host is untouched.
 */
export async function propose(
  request: DeployRequest,
  engine: Engine,
  draft: OutcomeDraft,
  onMaterial: () => void = () => {},
): Promise<Proposal> {
  const isOfJob = request.job !== undefined && request.own !== true
  if (isOfJob && engine.policy.orders !== null && request.order === undefined) throw missing()
  // First, for it costs nothing: a typo is told as a typo, whatever else is wrong.
  const asked = ownedTarget(request, engine)
  checkWhole(asked)
  const target = await nameTarget(asked, engine)
  if (request.job !== undefined) await requireRoomForTarget(request.target, engine)
  const material = await draft.run('material', () => nameFile(request.files, () => findMaterial(request, engine)))
  draft.about(material.leaf)
  const { order, issuersPem } = request
  if (order !== undefined)
    await draft.run('policy', async () =>
      requireOrdered(material, { order, issuersPem }, engine.trustedRoots, engine.clock.now()),
    )
  onMaterial()
  const { connector, config, planned } = await draft.run('plan', () => planRequest(target, material, engine))
  return draft.run('policy', async () => {
    const { files, link, probes } = await checkPolicy(planned, material, engine.policy, connector.standardCommands)
    const plan = { ...planned, probes }
    const changes = await place({ files, link }, plan, request, engine)
    if (!target.isHosts) await checkOwners(changes.files, ownersFor(target, planned, engine))
    await requireWholePairs(plan.wiring, changes.files, engine.hostView)
    draft.warnings = [
      ...(request.remark === undefined ? [] : [request.remark]),
      ...(material.remarks ?? []),
      ...(plan.remarks ?? []),
      ...changes.files.filter(({ wasOpen }) => wasOpen).map(tightened),
      ...(await advise(plan, material, await liveOf(plan, changes.files, engine), policyFor(request, engine), {
        roots: engine.trustedRoots,
        now: engine.clock.now(),
        isOwn: request.own === true || request.renewedHere === true,
      })),
    ]
    return { connector, config, material, plan, changes }
  })
}

/** Whom a job may give files to, by name. */
function ownersFor({ connector, own }: OwnedTarget, { files }: Plan, { policy }: Engine): readonly string[] {
  const byHost = Object.entries(own).flatMap(([field, value]) => (/_(owner|group)$/.test(field) ? [String(value)] : []))
  const byConnector = files.flatMap(({ fresh }) => [fresh?.owner, fresh?.group].filter((name) => name !== undefined))
  return [...policy.owners, ...byHost, ...byConnector, ...(connector.accounts ?? [])]
}

function tightened({ path, after: { mode } }: PreparedChanges['files'][number]): string {
  return `Everybody may read ${path}. The new one holds a private key, so its mode is 0${mode.toString(8)}: a daemon that read it as neither owner nor group needs another way.`
}

async function planRequest(
  target: Completion,
  material: Material,
  engine: Engine,
): Promise<Pick<Proposal, 'connector' | 'config'> & { readonly planned: Plan }> {
  const { connector } = target
  const config = await completeTarget(target, material, engine.hostView)
  const planned = await planFor(connector, config, material, engine.hostView, new AbortController().signal)
  return { connector, config, planned }
}

async function liveOf({ wiring }: Plan, changes: PreparedChanges['files'], { hostView }: Engine): Promise<Live> {
  const others = await Promise.all((wiring?.beside ?? []).map((path) => hostView.readFile(path).catch(() => null)))
  const beside = others.flatMap((bytes) => (bytes === null ? [] : readable(bytes).slice(0, 1)))
  return { certificates: liveCertificates(changes), beside: beside.map(({ keyType }) => keyType) }
}

/**
 * Root's own word, and a pair that was live on this host, are held to nothing that may be a mistake. Only TLSA records are: the one of an
 * older key may be gone, and a person who goes back has not published it, as a control plane has that asks for it.
 */
function policyFor({ job, force, generation }: DeployRequest, { policy }: Engine): PolicyConfig {
  if (force !== true && generation === undefined) return policy
  const isBlind = force !== true && job === undefined && policy.dane !== 'off'
  return { ...warnOnly(policy), ...(isBlind ? { dane: 'hold' } : {}) }
}

async function findMaterial(request: DeployRequest, engine: Engine): Promise<Material> {
  const { leaf } = parseChain(request)
  const keyPem = await request.findKey(leaf.spkiSha256)
  if (keyPem === null) throw new WaxsealError('KEY_MISSING', { certificate: leaf.sha256, publicKey: leaf.spkiSha256 })
  const now = new Date(engine.clock.now())
  const { unfit } = policyFor(request, engine)
  return parseMaterial({ ...request, keyPem, now, unfit })
}

/** Whether all bytes, modes and owners are there already. */
export function isAllInPlace(proposal: Proposal): boolean {
  return proposal.changes.files.every(isInPlace)
}
