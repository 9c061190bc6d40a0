import type { DeploymentRecord } from '../journal/deployment-record.ts'
import type { HistoryLine } from '../journal/history.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import { type LastJob, type TargetState, type TargetStatus, targetStates } from './status-document.ts'

/** What a look at disk and ports found of one target. */
export interface Look {
  readonly target: string
  readonly at: string
  readonly reasons: readonly string[]
  readonly probes: readonly ProbeOutcome[]
  readonly files: readonly {
    readonly path: string
    readonly role: string
    readonly leaf: string | null
    readonly reason: string | null
  }[]
}

const dayMs = 86_400_000

/** A certificate with fewer days left wants attention: by then its renewal is late. */
const soonDays = 14

/** The targets, the worst first. A look that is older than the deployment says nothing of it. */
export function targetStatuses(
  records: readonly DeploymentRecord[],
  lastOf: ReadonlyMap<string, HistoryLine>,
  looks: readonly Look[],
  now: number,
): readonly TargetStatus[] {
  const recordOf = new Map(records.map((record) => [record.target, record]))
  const lookOf = new Map(looks.map((look) => [look.target, look]))
  return [...new Set([...recordOf.keys(), ...lastOf.keys()])]
    .map((target) => statusOf(target, recordOf.get(target), lastOf.get(target), lookOf.get(target), now))
    .toSorted(
      (one, other) =>
        targetStates.indexOf(one.state) - targetStates.indexOf(other.state) || one.target.localeCompare(other.target),
    )
}

function statusOf(
  target: string,
  record: DeploymentRecord | undefined,
  line: HistoryLine | undefined,
  anyLook: Look | undefined,
  now: number,
): TargetStatus {
  const look = record !== undefined && anyLook !== undefined && anyLook.at > record.deployed ? anyLook : undefined
  const lastJob = line === undefined ? null : lastJobOf(line)
  const deployed = record === undefined ? null : deployedOf(record, now)
  const failure = lastJob === null || lastJob.code === null ? [] : [failureOf(lastJob)]
  const drift = look?.reasons ?? []
  const daysLeft = deployed?.daysLeft ?? Infinity
  const expiry = daysLeft >= soonDays ? [] : [expiryOf(daysLeft)]
  return {
    target,
    connector: record?.connector ?? line?.connector.toLowerCase() ?? 'unknown',
    state: stateOf(failure.length > 0 || daysLeft < 0, drift.length > 0, expiry.length > 0),
    problems: [...failure, ...drift, ...expiry],
    deployed,
    lookedAt: look?.at ?? record?.deployed ?? null,
    files: filesOf(record, look),
    endpoints: (look ?? record)?.probes.map(endpointOf) ?? [],
    lastJob,
  }
}

function stateOf(isFailed: boolean, isDrifting: boolean, isExpiring: boolean): TargetState {
  if (isFailed) return 'failed'
  if (isDrifting) return 'drifting'
  return isExpiring ? 'expiring' : 'healthy'
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
  error,
}: ProbeOutcome): TargetStatus['endpoints'][number] {
  return { address, protocol, servername: servername ?? null, seen, ok, error: error ?? null }
}

function deployedOf({ deployed, certificate }: DeploymentRecord, now: number): TargetStatus['deployed'] {
  const { names, notAfter, sha256, spkiSha256 } = certificate
  const daysLeft = Math.floor((Date.parse(notAfter) - now) / dayMs)
  return { at: deployed, names, notAfter, daysLeft, sha256, spkiSha256 }
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
  return `The last deployment failed, ${truths[host]}. ${code}: ${message}`
}

function expiryOf(daysLeft: number): string {
  return daysLeft < 0
    ? 'The deployed certificate has expired.'
    : `The deployed certificate expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}.`
}
