import { usableAt } from '../../dane/observe.ts'
import type { RolloverNameRow, TlsaRow } from '../../store/rollover-rows.ts'
import type { AgentRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import type { Parts } from '../parts.ts'

/** What a host asks before it goes back by itself (protocol §4). */
export interface HostRollback {
  readonly targetId: string
  /** SHA-256 of the leaf that it would go back to. */
  readonly fingerprint: string
  /** For so long it asks at most. */
  readonly waitMs: number
  /** Where it has asked before. */
  readonly jobId: string | null
}

/** How the records of that key stand at one name. */
export interface RollbackName {
  readonly name: string
  readonly state: TlsaRow['state']
  /** Null: nobody can tell yet. */
  readonly usableAt: number | null
  readonly isByHand: boolean
  readonly problem: string | null
}

/** What it is told. */
export interface RollbackAnswer {
  readonly status: 'off' | 'unknown' | 'revoked' | 'waiting' | 'ready' | 'ended'
  readonly jobId: string | null
  readonly names: readonly RollbackName[]
}

/** The host comes back to ask, or to say that it gives up. */
const graceMs = 60_000
const mostVersions = 1000
/** What is before these was ended long ago: by its deadline, or the reaper. */
const mostOpen = 50

/**
 * Has the key of an older version published, and says when its host may serve it: from the answer `ready` on it counts as a key that may
 * be served. Only for versions of a certificate that is deployed to a target of the agent's own, and that were not revoked. A wish that
 * nobody repeats ends by itself.
 */
export function askHostRollback(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  asked: HostRollback,
): Promise<RollbackAnswer> {
  return store.transaction(async (inside): Promise<RollbackAnswer> => {
    const nothing = (status: RollbackAnswer['status']): RollbackAnswer => ({ status, jobId: asked.jobId, names: [] })
    const { targetId } = asked
    if ((await inside.targets.byId(targetId))?.agentId !== agent.id) return nothing('unknown')
    // Of two commands that ask at once one finds the job of the other.
    if ((await inside.rollovers.lock(targetId)) === null) return nothing('off')
    const version = await versionOnTarget(inside, asked)
    if (version === null) return nothing('unknown')
    if (version.revokedAt !== null) return nothing('revoked')
    const job = await jobFor(inside, agent, asked, version)
    if (job === null) return nothing('ended')
    const at = await inside.now()
    const passes = await inside.rollovers.passes(targetId)
    const isPassed = passes.some(
      ({ jobId, versionNumber, until }) => jobId === job.id && versionNumber === version.number && until > at,
    )
    const isBegun = isPassed && (await inside.jobs.beginByHost(job.id, agent.id, at))
    if (isBegun && job.status === 'Pending') await audit(inside, `agent:${agent.id}`, 'job.begin', job.id, { targetId })
    const names = await namesOf(inside, targetId, version.spki)
    return { status: isBegun ? 'ready' : 'waiting', jobId: job.id, names }
  })
}

async function versionOnTarget(store: Store, { targetId, fingerprint }: HostRollback): Promise<VersionRow | null> {
  for (const certificateId of await store.rollovers.certificatesOf(targetId)) {
    const found = (await store.versions.list(certificateId, mostVersions)).find(
      (one) => one.fingerprint === fingerprint,
    )
    if (found !== undefined) return found
  }
  return null
}

/** The one that it has asked for, or a new one in place of what it wanted before; null: that one has ended, or is another's. */
async function jobFor(
  store: Store,
  { id: agentId }: AgentRow,
  { targetId, waitMs, jobId }: HostRollback,
  { certificateId, number: versionNumber }: VersionRow,
): Promise<JobRow | null> {
  const open = (await store.jobs.ofTarget(targetId, ['TakeBack'], false, mostOpen)).filter(
    ({ isByHost, status }) => isByHost && (status === 'Pending' || status === 'Running'),
  )
  const same = open.find((job) => job.certificateId === certificateId && job.versionNumber === versionNumber)
  if (jobId !== null) return same?.id === jobId ? same : null
  if (same !== undefined) return same
  const at = await store.now()
  for (const { id, status } of open) if (status === 'Pending') await store.jobs.cancel(id, at)
  const deadline = at + waitMs + graceMs
  const wanted = {
    type: 'TakeBack',
    agentId,
    certificateId,
    targetId,
    versionNumber,
    deadline,
    isByHost: true,
  } as const
  const id = await addJob(store, wanted)
  await audit(store, `agent:${agentId}`, 'job.rollback', id, { targetId, certificateId, version: versionNumber })
  return store.jobs.byId(id)
}

async function namesOf(store: Store, targetId: string, spki: string): Promise<readonly RollbackName[]> {
  const rows = (await store.rollovers.records(targetId)).filter((row) => row.spki === spki)
  return (await store.rollovers.names(targetId)).map((name) => nameOf(name, rows))
}

function nameOf({ name, isByHand, problem }: RolloverNameRow, rows: readonly TlsaRow[]): RollbackName {
  const row = rows.find((one) => one.name === name)
  return { name, isByHand, problem, state: row?.state ?? 'wanted', usableAt: row === undefined ? null : usableAt(row) }
}
