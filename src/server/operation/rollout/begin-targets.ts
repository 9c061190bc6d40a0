import type { RolloutRow, RolloutTargetRow } from '../../store/rollout-rows.ts'
import type { CertificateRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { whyNotDeployable } from '../job/deploy-certificate.ts'
import { openIssuance } from '../job/open-issuance.ts'
import { beginRenewal } from '../renewal/begin-renewal.ts'
import { anyTime, type HandOutTimes, handOutTimes } from './hand-out-times.ts'

/** What a target needs when its turn comes. */
interface Turn {
  readonly store: Store
  readonly rollout: RolloutRow
  readonly at: number
  readonly certificate: CertificateRow
  readonly version: VersionRow | null
}

/** Begins these targets, whose turn has come: each gets a job, in the window if there is one. Call it with the roll-out locked. */
export async function beginTargets(
  store: Store,
  rollout: RolloutRow,
  rows: readonly RolloutTargetRow[],
  at: number,
): Promise<void> {
  const jobs: string[] = []
  for (const certificateId of new Set(rows.map((row) => row.certificateId))) {
    // A renewal is one for all targets of its certificate.
    const all = rollout.action === 'renew' ? await store.rollouts.ofCertificate(rollout.id, certificateId) : rows
    const its = all.filter((row) => row.certificateId === certificateId && row.state === 'waiting')
    jobs.push(...(await beginCertificate(store, rollout, its, at)))
  }
  if (jobs.length > 0) await audit(store, 'server', 'rollout.begin', rollout.id, { wave: rollout.wave, jobs })
}

async function beginCertificate(
  store: Store,
  rollout: RolloutRow,
  rows: readonly RolloutTargetRow[],
  at: number,
): Promise<readonly string[]> {
  const [first] = rows
  if (first === undefined) return []
  const isActive = (await store.agents.named(first.agentId))?.status === 'active'
  const certificate = await store.certificates.lock(first.certificateId)
  if (!isActive || certificate === null) return end(store, rows, 'skipped', 'its agent is retired')
  const turn = { store, rollout, at, certificate, version: await store.versions.newest(certificate.id) }
  if (rollout.action === 'renew') return [await renew(turn, rows)]
  const why = whyNotDeployable(turn.version)
  if (why !== null) return end(store, rows, 'failed', why)
  const jobs: string[] = []
  for (const row of rows) jobs.push(await deploy(turn, row))
  return jobs
}

async function end(
  store: Store,
  rows: readonly RolloutTargetRow[],
  state: 'skipped' | 'failed',
  error: string,
): Promise<readonly string[]> {
  for (const row of rows) await store.rollouts.changeTarget(row, { state, error })
  return []
}

async function deploy(turn: Turn, row: RolloutTargetRow): Promise<string> {
  const { store, certificate, version } = turn
  const times = timesFor(turn, row)
  const jobId = await addJob(store, {
    type: 'Deployment',
    agentId: row.agentId,
    certificateId: certificate.id,
    targetId: row.targetId,
    versionNumber: version?.number ?? null,
    ...times,
  })
  await open(turn, row, times, { jobId })
  return jobId
}

/** Where somebody else has begun it already, that renewal is the one. */
async function renew(turn: Turn, rows: readonly RolloutTargetRow[]): Promise<string> {
  const { store, certificate, version } = turn
  const there = await openIssuance(store, certificate.id)
  const isNear = rows.some((row) => isNearEnd(turn, row))
  const times = isNear ? anyTime : handOutTimes(turn.rollout, turn.at)
  const issuanceId = there?.id ?? (await beginRenewal(store, 'server', certificate, version, times))
  const isJoined = there !== null
  // It waits for the window of its host: a roll-out has its own.
  if (there !== null && there.handOutUntil !== null)
    await store.jobs.postpone(there.id, times.notBefore, times.handOutUntil)
  for (const row of rows) await open(turn, row, isJoined ? anyTime : times, { issuanceId, isJoined })
  return issuanceId
}

async function open(
  { store, at, certificate, rollout }: Turn,
  row: RolloutTargetRow,
  { notBefore, handOutUntil }: HandOutTimes,
  job: Pick<Partial<RolloutTargetRow>, 'jobId' | 'issuanceId' | 'isJoined'>,
): Promise<void> {
  const [last] = await store.jobs.ofTarget(row.targetId, ['Deployment', 'TakeBack'], true, 1)
  const beforeVersion = last?.certificateId === certificate.id ? last.versionNumber : null
  const isHurried = rollout.windowCron !== null && handOutUntil === null && job.isJoined !== true
  await store.rollouts.changeTarget(row, {
    ...job,
    state: 'open',
    since: notBefore ?? at,
    // The pair of before is that of the first try.
    beforeVersion: row.beforeVersion ?? beforeVersion,
    isRecalled: false,
    isHurried,
    error: null,
  })
}

function timesFor(turn: Turn, row: RolloutTargetRow): HandOutTimes {
  return isNearEnd(turn, row) ? anyTime : handOutTimes(turn.rollout, turn.at)
}

function isNearEnd({ at }: Turn, { nearEndAt }: RolloutTargetRow): boolean {
  return nearEndAt !== null && nearEndAt <= at
}
