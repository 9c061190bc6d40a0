import { type CarriedOrder, longestIssuers, type SignedOrder } from '../../order/signed-order.ts'
import { twinMs } from '../operation/agent/twin-told.ts'
import type { ClaimedJob } from '../operation/job/claim-work.ts'
import type { TargetRenewal } from '../operation/target/list-targets.ts'
import type { ChallengeRow } from '../store/challenge-store.ts'
import type { AgentRow, JobRow } from '../store/rows.ts'
import type { ListedAgent, ListedTarget } from '../store/store.ts'
import { keysOnWire } from './keys-on-wire.ts'

/** RFC 3339, UTC. */
export function timeOnWire(at: number): string {
  return new Date(at).toISOString()
}

/** The same, where there may be none. */
export function timeOrNull(at: number | null): string | null {
  return at === null ? null : timeOnWire(at)
}

/** An agent as it is told to itself. */
export function agentOnWire({ id, name, hostname, status, registeredAt }: AgentRow) {
  return { id, name, hostname, status, registered_at: timeOnWire(registeredAt) }
}

/** An agent in a list. */
export function listedAgentOnWire(agent: ListedAgent, now: number) {
  const { heartbeatAt, twin, twinAt } = agent
  return {
    ...agentOnWire(agent),
    last_heartbeat_at: timeOrNull(heartbeatAt),
    twin: twinAt === null || now - twinAt >= twinMs ? null : { reason: twin, last_seen_at: timeOnWire(twinAt) },
    labels: agent.labels,
  }
}

/** A target in a list. */
export function targetOnWire(
  { agentId, agentName, drift, id, name, type, config }: ListedTarget,
  renewal: TargetRenewal | null,
) {
  return {
    id,
    name,
    agent_id: agentId,
    agent_name: agentName,
    type,
    config,
    drift: drift === null ? null : { since: drift.since, reasons: drift.reasons },
    renewal:
      renewal === null
        ? null
        : {
            stage: renewal.stage,
            days_left: renewal.daysLeft,
            lifetime_used: renewal.used,
            not_after: timeOnWire(renewal.notAfter),
          },
  }
}

/** A job as an operator sees it. */
export function jobOnWire(job: JobRow) {
  const { id, type, status, attempt, error, verification } = job
  return {
    id,
    type,
    agent_id: job.agentId,
    certificate_id: job.certificateId,
    version: job.versionNumber,
    target_id: job.targetId,
    status,
    attempt,
    not_before: timeOrNull(job.notBefore),
    hand_out_until: timeOrNull(job.handOutUntil),
    deadline: timeOrNull(job.deadline),
    cancel_requested_at: timeOrNull(job.cancelRequestedAt),
    error,
    verification,
    created_at: timeOnWire(job.createdAt),
    updated_at: timeOnWire(job.updatedAt),
  }
}

/** Whether a listener showed what a deployment put in place; null: nothing was put there, or the agent did not say. */
export function provenOf({ outcome }: JobRow): boolean | null {
  if (outcome === null || !('proven' in outcome) || !('outcome' in outcome)) return null
  const isInPlace = outcome.outcome === 'deployed' || outcome.outcome === 'unchanged'
  return isInPlace && typeof outcome.proven === 'boolean' ? outcome.proven : null
}

/** The chain of a certificate of our own CA leaves the CA itself out, without which no host could tell who has signed. */
function orderOnWire({ document, signature, key }: SignedOrder, issuers: string): CarriedOrder {
  return { document, signature, key, ...(issuers.length > longestIssuers ? {} : { issuers }) }
}

function challengeOnWire({ name, token, keyAuthorization, lifetimeS }: ChallengeRow): object {
  return { name, token, key_authorization: keyAuthorization, lifetime_s: lifetimeS }
}

/** A job as its agent gets it (protocol §1); with what is said to agents that know more (protocol §4). */
export function workItem(
  claimed: ClaimedJob,
  agent: Pick<AgentRow, 'features'>,
  leaseS: number | null,
  issuers: string,
): object {
  const { job, certificate, target, version, challenge, order } = claimed
  const isAwaited = job.status === 'AwaitingCSR'
  return {
    id: job.id,
    type: job.type,
    status: isAwaited ? job.status : 'Running',
    certificate_id: job.certificateId,
    common_name: certificate.commonName,
    sans: certificate.sans,
    ...(job.type === 'TakeBack' ? { expected_fingerprint: version?.fingerprint ?? null } : {}),
    ...(challenge === null ? {} : { challenge: challengeOnWire(challenge) }),
    ...(isAwaited ? keysOnWire(claimed, agent) : {}),
    ...(leaseS === null || isAwaited ? {} : { attempt: job.attempt, lease_s: leaseS }),
    ...(leaseS === null || job.notBefore === null ? {} : { not_before: timeOnWire(job.notBefore) }),
    ...(leaseS === null || job.deadline === null ? {} : { deadline: timeOnWire(job.deadline) }),
    ...(order === null ? {} : { order: orderOnWire(order, issuers) }),
    ...(target === null
      ? {}
      : { target_id: target.id, target_name: target.name, target_type: target.type, target_config: target.config }),
  }
}
