import type { Look, ShownDane } from '../documents/shown-host.ts'
import { type DeploymentRecord, isRecordProven } from '../journal/deployment-record.ts'
import type { HistoryLine } from '../journal/history.ts'
import { targetNames } from '../journal/target-names.ts'
import { type Lifetime, lifetimeOf, renewalAdvice } from '../outcome/lifetime.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import { type LastJob, type TargetState, type TargetStatus, targetStates } from './status-document.ts'

/** The targets, the worst first. A look that is older than the deployment says nothing of it. */
export function targetStatuses(
  records: readonly DeploymentRecord[],
  lastOf: ReadonlyMap<string, HistoryLine>,
  looks: readonly Look[],
  now: number,
): readonly TargetStatus[] {
  const recordOf = new Map(records.map((record) => [record.target, record]))
  const lookOf = new Map(looks.map((look) => [look.target, look]))
  const names = targetNames([...records, ...lastOf.values()])
  return [...new Set([...recordOf.keys(), ...lastOf.keys()])]
    .map((target) => ({
      target,
      name: names.labelOf(target),
      ...statusOf(recordOf.get(target), lastOf.get(target), lookOf.get(target), now),
    }))
    .toSorted(
      (one, other) =>
        targetStates.indexOf(one.state) - targetStates.indexOf(other.state) || one.name.localeCompare(other.name),
    )
}

function statusOf(
  record: DeploymentRecord | undefined,
  line: HistoryLine | undefined,
  anyLook: Look | undefined,
  now: number,
): Omit<TargetStatus, 'target' | 'name'> {
  const look = record !== undefined && anyLook !== undefined && anyLook.at > record.deployed ? anyLook : undefined
  const lastJob = line === undefined ? null : lastJobOf(line)
  const deployed = record === undefined ? null : deployedOf(record, look, now)
  const failure = lastJob === null || lastJob.code === null ? [] : [failureOf(lastJob)]
  const drift = look?.reasons ?? []
  const dane = look?.dane ?? []
  const refused = dane.flatMap(refusedBySenders)
  const life = record === undefined ? 'fresh' : lifetimeOf(record.certificate, now).stage
  const advice = record === undefined ? null : renewalAdvice(record.certificate, now, line?.job !== undefined)
  return {
    connector: record?.connector ?? line?.connector.toLowerCase() ?? 'unknown',
    state: stateOf(failure.length > 0, drift.length > 0 || refused.length > 0, life),
    problems: [
      ...failure,
      ...drift,
      ...refused,
      ...doubtsOf(deployed, look ?? record),
      ...(advice === null ? [] : [advice]),
    ],
    deployed,
    lookedAt: look?.at ?? record?.deployed ?? null,
    files: filesOf(record, look),
    endpoints: (look ?? record)?.probes.map(endpointOf) ?? [],
    dane,
    lastJob,
  }
}

function refusedBySenders({ owner, state, publish }: ShownDane): readonly string[] {
  if (state !== 'mismatch') return []
  return [
    `No TLSA record of ${owner} matches the live pair: senders that check DANE refuse this host. Publish: ${publish}`,
  ]
}

function stateOf(isFailed: boolean, isDrifting: boolean, life: Lifetime['stage']): TargetState {
  if (isFailed || life === 'expired') return 'failed'
  if (isDrifting) return 'drifting'
  return life === 'fresh' ? 'healthy' : life
}

/** The certificate itself as deployed: its leaf is the one of the record. */
function filesOf(record: DeploymentRecord | undefined, look: Look | undefined): TargetStatus['files'] {
  if (look !== undefined)
    return look.files.map(({ path, role, leaf, reason }) => ({ path, role, leaf, ok: reason === null }))
  const leafOf = (role: string): string | null =>
    role === 'certificate' || role === 'bundle' ? (record?.certificate.sha256 ?? null) : null
  return record?.files.map(({ path, role }) => ({ path, role, leaf: leafOf(role), ok: true })) ?? []
}

function endpointOf({
  address,
  protocol,
  servername,
  seen,
  ok,
  decides,
  error,
}: ProbeOutcome): TargetStatus['endpoints'][number] {
  return {
    address,
    protocol,
    servername: servername ?? null,
    seen,
    ok,
    decides: decides !== false,
    error: error ?? null,
  }
}

function deployedOf(record: DeploymentRecord, look: Look | undefined, now: number): TargetStatus['deployed'] {
  const { deployed, certificate } = record
  const proven = isRecordProven(record) || (look?.probes.some(({ ok }) => ok) ?? false)
  const { names, notBefore, notAfter, sha256, spkiSha256 } = certificate
  const { daysLeft, used: lifetimeUsed } = lifetimeOf(certificate, now)
  return { at: deployed, names, notBefore, notAfter, daysLeft, lifetimeUsed, sha256, spkiSha256, proven }
}

/** Without any probe, the table of what is served says so already. */
function doubtsOf(deployed: TargetStatus['deployed'], looked: Pick<Look, 'probes'> | undefined): readonly string[] {
  if (deployed === null || deployed.proven || looked === undefined || looked.probes.length === 0) return []
  return ['It is unproven: no listener has shown the deployed leaf. waxseal verify looks again, and says why.']
}

function lastJobOf({ job, time, outcome, host, code, message, ms, steps }: HistoryLine): LastJob {
  return { job: job ?? null, at: time, outcome, host, code, message, ms, steps: steps ?? [] }
}

const truths = {
  untouched: 'nothing was touched',
  restored: 'everything was put back',
  changed: 'the host was changed',
  unknown: 'the host may be in neither state',
} as const

function failureOf({ code, message, host }: LastJob): string {
  return `The last deployment failed, ${truths[host]}. ${code}: ${message} waxseal explain ${code} says what to do.`
}
