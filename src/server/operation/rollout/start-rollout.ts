import { nearest } from '../../../error/nearest.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import { areShares, wavesOf } from '../../rollout/waves.ts'
import { type Window, whyNoWindow } from '../../rollout/window.ts'
import type { Label } from '../../store/label-store.ts'
import type { RolloutCandidate, RolloutRow, RolloutTargetRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { requireLabels } from '../agent/label-agent.ts'
import { type Actor, audit } from '../audit.ts'
import { agentNamed, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { newId } from '../secret.ts'

/** A roll-out as an operator asks for it. Agents and targets by id or name. */
export interface WantedRollout extends Pick<RolloutRow, 'name' | 'action' | 'stopHosts' | 'stopShare' | 'deadlineMs'> {
  readonly labels: readonly Label[]
  readonly agents: readonly string[]
  readonly targets: readonly string[]
  /** All that there are, where nothing is chosen. */
  readonly isAll: boolean
  /** Agents of the first wave. */
  readonly first: readonly string[]
  readonly shares: readonly number[]
  readonly window: Window | null
}

/** What has begun. */
export interface StartedRollout {
  readonly rollout: RolloutRow
  /** Hosts of each wave. */
  readonly waves: readonly number[]
  readonly targets: number
  /** Names of targets to which nothing was ever deployed. */
  readonly leftOut: readonly string[]
}

const mostTargets = 50_000

/** A target with what is deployed on it. */
type Chosen = RolloutCandidate & { readonly certificateId: string }

/** Begins a roll-out for the targets that are chosen now; which they are does not change any more. */
export async function startRollout(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  wanted: WantedRollout,
): Promise<StartedRollout> {
  const at = await store.now()
  requireRules(wanted, at)
  const { chosen, leftOut } = await choose(store, wanted)
  const id = newId('rollout')
  const waves = await wavesFor(store, wanted, chosen, id)
  const rollout = rowOf(wanted, id, actor, at)
  const rows = waves.flatMap((hosts, place) => rowsOf(rollout, chosen, new Set(hosts), place + 1))
  await store.transaction(async (inside) => {
    // One after the other: of two with the same target the second finds the first.
    await inside.server.set('rollout_started', id)
    const busy = await inside.rollouts.busyWith(rows.map(({ targetId }) => targetId))
    if (busy !== null) {
      const hint = 'wait for its end, or: waxseal control-plane rollout abandon'
      throw new Refusal('conflict', `the roll-out ${busy} has some of these targets, and is not over; ${hint}`)
    }
    if (!(await inside.rollouts.add(rollout, rows)))
      throw new Refusal('conflict', 'there is, or was, a roll-out of this name; choose another')
    await audit(inside, actor, 'rollout.start', id, {
      name: rollout.name,
      action: rollout.action,
      targets: rows.length,
    })
  })
  return { rollout, waves: waves.map(({ length }) => length), targets: rows.length, leftOut }
}

function requireRules({ shares, stopHosts, stopShare, window, ...wanted }: WantedRollout, at: number): void {
  if (!areShares(shares))
    throw new Refusal('invalid', 'waves are shares of all hosts that grow, and the last is 100 per cent: 5%,25%,100%')
  if (stopHosts === null && stopShare === null)
    throw new Refusal('invalid', 'say when it stops: after so many hosts that fail, or at a share of a wave')
  const why = window === null ? null : whyNoWindow(window, at)
  if (why !== null) throw new Refusal('invalid', why)
  const isChosen = wanted.labels.length + wanted.agents.length + wanted.targets.length > 0
  if (isChosen === wanted.isAll)
    throw new Refusal('invalid', 'say which targets: by labels, agents or targets, or all of them and nothing else')
}

/** Those that fit; of a renewal also all others that have one of their certificates. */
async function choose(
  store: Store,
  { labels, agents, targets, action }: WantedRollout,
): Promise<{ readonly chosen: readonly Chosen[]; readonly leftOut: readonly string[] }> {
  await requireLabels(store, labels)
  const [agentIds, targetIds] = [new Set<string>(), new Set<string>()]
  for (const name of agents) agentIds.add((await agentNamed(store, name)).id)
  for (const name of targets) targetIds.add((await targetNamed(store, name)).id)
  const there = await store.rollouts.candidates(labels, mostTargets + 1)
  if (there.length > mostTargets)
    throw new Refusal('invalid', `a roll-out has at most ${mostTargets} targets: choose fewer`)
  const isAny = agentIds.size + targetIds.size === 0
  const fitting = there.filter(({ agentId, targetId }) => isAny || agentIds.has(agentId) || targetIds.has(targetId))
  const certificates = new Set(fitting.map(({ certificateId }) => certificateId))
  const isIn = new Set(fitting)
  const chosen = there.filter(
    (one): one is Chosen =>
      one.certificateId !== null && (isIn.has(one) || (action === 'renew' && certificates.has(one.certificateId))),
  )
  if (chosen.length === 0)
    throw new Refusal(
      'missing',
      'there is nothing to roll out: none of these targets has a certificate, or there is no such target',
    )
  return { chosen, leftOut: fitting.filter(({ certificateId }) => certificateId === null).map((one) => one.targetName) }
}

async function wavesFor(
  store: Store,
  { first, shares }: WantedRollout,
  chosen: readonly Chosen[],
  seed: string,
): Promise<readonly (readonly string[])[]> {
  const hosts = [...new Map(chosen.map(({ agentId, agentName }) => [agentId, agentName])).entries()]
  const named: string[] = []
  for (const name of first) {
    const { id } = await agentNamed(store, name)
    if (!hosts.some(([one]) => one === id)) {
      const meant = nearest(name, hosts.map(([, one]) => one).slice(0, 1000))
      const hint = meant === null ? '' : `; is ${meant} meant?`
      throw new Refusal('invalid', `the first wave has a host that has none of the chosen targets: ${name}${hint}`)
    }
    named.push(id)
  }
  return wavesOf(
    hosts.map(([id, name]) => ({ id, name })),
    { first: named, shares },
    seed,
  )
}

function rowOf(wanted: WantedRollout, id: string, actor: Actor, at: number): RolloutRow {
  const { name, action, labels, agents, targets, first, shares, stopHosts, stopShare, window, deadlineMs } = wanted
  return {
    id,
    name,
    action,
    state: 'running',
    chosen: { labels: labels.map((label) => `${label.name}=${label.value}`), agents, targets, first, shares },
    stopHosts,
    stopShare,
    windowCron: window?.cron ?? null,
    windowMs: window?.forMs ?? null,
    timeZone: window?.timeZone ?? null,
    deadlineMs,
    wave: 1,
    reason: null,
    createdAt: at,
    createdBy: actor,
    endedAt: null,
  }
}

function rowsOf(
  { id }: RolloutRow,
  chosen: readonly Chosen[],
  hosts: ReadonlySet<string>,
  wave: number,
): readonly RolloutTargetRow[] {
  return chosen
    .filter(({ agentId }) => hosts.has(agentId))
    .map((one) => ({
      rolloutId: id,
      targetId: one.targetId,
      agentId: one.agentId,
      certificateId: one.certificateId,
      beforeVersion: null,
      wave,
      state: 'waiting',
      since: null,
      spentMs: 0,
      issuanceId: null,
      isJoined: false,
      jobId: null,
      isRecalled: false,
      isCounted: true,
      nearEndAt: nearEndOf(one),
      isHurried: false,
      error: null,
      takeBackId: null,
      takeBackNote: null,
    }))
}

function nearEndOf({ certificateId, notBefore, notAfter, renewShare }: Chosen): number | null {
  return notBefore === null || notAfter === null ? null : nearEndAt({ certificateId, notBefore, notAfter }, renewShare)
}
