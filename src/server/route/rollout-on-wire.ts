import type { ShownRollout } from '../operation/rollout/show-rollout.ts'
import type { ListedRolloutTarget } from '../store/rollout-rows.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'

/** A roll-out as an operator sees it. */
export function rolloutOnWire({ rollout, waves, span, isOpen }: ShownRollout) {
  const { chosen, windowCron, windowMs, timeZone } = rollout
  return {
    id: rollout.id,
    name: rollout.name,
    action: rollout.action,
    state: rollout.state,
    reason: rollout.reason,
    wave: rollout.wave,
    waves: waves.map(({ wave, hosts, targets }) => ({ wave, hosts, ...targets })),
    labels: chosen.labels,
    agents: chosen.agents,
    targets: chosen.targets,
    first: chosen.first,
    shares: chosen.shares,
    stop_after: rollout.stopHosts,
    stop_share: rollout.stopShare,
    window:
      windowCron === null
        ? null
        : {
            start: windowCron,
            for_s: (windowMs ?? 0) / 1000,
            time_zone: timeZone,
            is_open: isOpen,
            from: timeOrNull(span?.from ?? null),
            until: timeOrNull(span?.until ?? null),
          },
    deadline_s: rollout.deadlineMs / 1000,
    created_at: timeOnWire(rollout.createdAt),
    created_by: rollout.createdBy,
    ended_at: timeOrNull(rollout.endedAt),
  }
}

/** One of its targets. */
export function rolloutTargetOnWire(row: ListedRolloutTarget) {
  return {
    target_id: row.targetId,
    target_name: row.targetName,
    agent_id: row.agentId,
    agent_name: row.agentName,
    certificate_id: row.certificateId,
    wave: row.wave,
    state: row.state,
    error: row.error,
    job_id: row.jobId,
    renewal_job_id: row.issuanceId,
    since: timeOrNull(row.since),
    is_outside_window: row.isHurried,
    take_back_job_id: row.takeBackId,
    take_back_status: row.takeBackStatus,
    take_back_note: row.takeBackNote,
  }
}
