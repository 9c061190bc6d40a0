import type { OwnService } from '../../connector/connector.ts'
import { wirePlan } from '../../connector/wiring/wire-plan.ts'
import { asWaxsealError, type WaxsealError } from '../../error/waxseal-error.ts'
import type { Plan, PlannedService } from '../../plan/plan.ts'
import { checkPolicy } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'
import type { Proposal } from './propose.ts'
import { requireWholePairs } from './require-whole-pairs.ts'
import type { RunningDaemon } from './running-daemons.ts'

/** The other daemons that read a file of a plan. */
export interface Beside {
  readonly services: readonly PlannedService[]
  /** Which will be late, and what has it load the new pair; what their own settings leave open. A sentence each. */
  readonly warnings: readonly string[]
  /** Why the plan would leave one of them with half a pair; null: it does not. */
  readonly refusal: WaxsealError | null
}

/** Who of these reads a planned file too, and may be checked, reloaded and looked at by what the host allows. */
export async function findBeside(
  proposal: Proposal,
  running: readonly RunningDaemon[],
  engine: Engine,
): Promise<Beside> {
  const others = running.filter(({ connector }) => !isOwn(connector.own, proposal))
  const found = await Promise.all(others.map((other) => besideOf(other, proposal, engine)))
  return {
    services: found.flatMap(({ services }) => services),
    warnings: found.flatMap(({ warnings }) => warnings),
    refusal: found.find(({ refusal }) => refusal !== null)?.refusal ?? null,
  }
}

/** Whether this is the daemon that the plan is for: of several instances the one that is reloaded as its connector does it. */
function isOwn(own: OwnService, { connector, plan }: Proposal): boolean {
  if (own.service !== plan.service) return false
  if (connector.own?.service !== plan.service) return typeof own.signs !== 'string'
  return own.reload.join('\0') === connector.own.reload.join('\0')
}

const none: Beside = { services: [], warnings: [], refusal: null }

async function besideOf(
  { connector, wiring }: RunningDaemon,
  { plan, material, changes }: Proposal,
  { hostView, policy }: Engine,
): Promise<Beside> {
  const { own } = connector
  try {
    const wired = await wirePlan(await planOf(connector, plan, hostView), wiring, {}, material, hostView)
    await requireWholePairs(wired.wiring, changes.files, hostView)
    if (!isReader(wired)) return none
    if (wired.probes.length === 0) return lateOf(own, plan, 'none of its listeners can be looked at')
    const { probes } = await checkPolicy(wired, material, policy, connector.standardCommands)
    const { service, check, activate, recover, tables = [] } = wired
    return {
      services: [{ service, check, ...readsOf(own), activate, recover, probes, tables }],
      warnings: wired.remarks ?? [],
      refusal: null,
    }
  } catch (error) {
    const refusal = asWaxsealError(error)
    const { code, message } = refusal
    if (code === 'KEY_SHARED' || code === 'PATH_NOT_READ') return { ...none, refusal }
    return lateOf(own, plan, `${code}: ${message}`)
  }
}

/** As if its own target had these files. */
async function planOf(
  { name, own }: RunningDaemon['connector'],
  plan: Plan,
  hostView: Engine['hostView'],
): Promise<Plan> {
  const { remarks: _, checkReadsCertificates: __, tables: ___, agreeingLooks: ____, ...rest } = plan
  const { activate, recover } = (await own.loading?.(hostView)) ?? { activate: own.reload, recover: own.reload }
  const bare = { check: own.check, activate: [activate], recover: [recover], probes: [], wiring: null }
  return { ...rest, ...bare, connector: name, service: own.service, ...readsOf(own) }
}

function readsOf({
  checkReadsCertificates,
  agreeingLooks,
}: OwnService): Pick<Plan, 'checkReadsCertificates' | 'agreeingLooks'> {
  return {
    ...(checkReadsCertificates === undefined ? {} : { checkReadsCertificates }),
    ...(agreeingLooks === undefined ? {} : { agreeingLooks }),
  }
}

function isReader({ files, wiring, activate }: Plan): boolean {
  if (activate.length > 1) return true
  const missed = [...(wiring?.unread ?? []), ...(wiring?.untold ?? [])]
  return files.some(({ path, role }) => role !== 'other' && role !== 'key' && !missed.includes(path))
}

/** Says it before the first deployment: this service will be late. */
export function lateOf({ service, reload }: Pick<OwnService, 'service' | 'reload'>, plan: Plan, why: string): Beside {
  const files = plan.files.map(({ path }) => path).join(', ')
  const warning = `${service} reads ${files} too, and is not reloaded with ${plan.service} (${why}): until "${reload.join(' ')}" it may serve the old pair.`
  return { ...none, warnings: [warning] }
}
