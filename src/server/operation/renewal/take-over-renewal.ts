import { X509Certificate } from 'node:crypto'
import { alternativeNames } from '../../../material/alternative-names.ts'
import { readVersion } from '../../authority/read-version.ts'
import { toldLeaf } from '../../dane/keys-in-use.ts'
import { judge } from '../../rollout/judge.ts'
import type { AgentRow, CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addVersion } from '../certificate/add-version.ts'
import { namesOf } from '../certificate/signer.ts'
import { isHere } from '../job/cancel-job.ts'
import { lastOnTarget } from '../job/last-on-target.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { lockRolloutOf } from '../rollout/rollout-of-job.ts'
import { noteJob } from '../rollout/settle-target.ts'
import { newId } from '../secret.ts'
import { planRedeployment } from './redeploy.ts'

/** What an agent says that its host has renewed by itself. */
export interface OwnRenewal {
  readonly targetId: string
  /** SHA-256 of the leaf that was live, hex; null: it was not said. */
  readonly replaces: string | null
  /** Leaf and chain, PEM. */
  readonly pem: string
  readonly status: 'Completed' | 'Failed'
  readonly error: string | null
  readonly outcome: object | null
}

/** The issuer's name at such a version. */
export const hostIssuer = 'host'

/**
 * Takes over what a host has renewed by itself while this server was away: its certificate is the newest version, what is open of a renewal of
 * our own ends, and the target has it. A second report of the same changes nothing. A certificate that ends before the newest one is only
 * noted, and so is one behind which another was proven on the target: the report is late. Refuses what is for other names than the
 * certificate of the target.
 */
export async function takeOverRenewal(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  renewal: OwnRenewal,
): Promise<'taken' | 'known' | 'older'> {
  const told = versionIn(renewal.pem)
  const target = await store.targets.byId(renewal.targetId)
  if (target?.agentId !== agent.id) throw new Refusal('missing', 'this agent has no such target')
  const onTarget = await store.versions.onTarget(renewal.targetId)
  // The end of the first deployment may not have been told yet.
  const last = await lastOnTarget(store, renewal.targetId)
  const certificateId = onTarget?.certificateId ?? last?.certificateId
  if (certificateId === undefined) throw new Refusal('missing', 'nothing was deployed to this target')
  const openJob = await store.jobs.lastIssuance(certificateId)
  return store.transaction(async (inside) => {
    const rollout = openJob === null ? null : await lockRolloutOf(inside, openJob.id)
    const certificate = await inside.certificates.lock(certificateId)
    if (certificate === null || certificate.agentId !== agent.id)
      throw new Refusal('missing', 'this agent has no such certificate')
    requireNames(told.names, certificate)
    const newest = await inside.versions.newest(certificateId)
    const at = await inside.now()
    const taken = (await isPast(inside, renewal, told.version))
      ? ({ did: 'older', number: 0 } as const)
      : await keep(inside, certificate, newest, told.version, at)
    if (taken.did === 'taken') await endOwn(inside, certificateId, at)
    if (taken.did !== 'older') await noteOnTarget(inside, renewal, agent.id, certificateId, taken.number, at)
    if (taken.did === 'taken' && rollout !== null && openJob !== null) await noteJob(inside, rollout, openJob.id)
    const { fingerprint } = told.version
    const { status, error } = renewal
    await audit(inside, `agent:${agent.id}`, 'certificate.renewed-by-host', certificateId, {
      fingerprint,
      did: taken.did,
      status,
      error,
    })
    return taken.did
  })
}

type Told = ReturnType<typeof readVersion>

function versionIn(pem: string): { readonly version: Told; readonly names: readonly string[] } {
  try {
    const names = alternativeNames(new X509Certificate(pem).subjectAltName ?? '').map((name) => name.toLowerCase())
    return { version: readVersion(pem), names }
  } catch {
    throw new Refusal('invalid', 'it is no certificate')
  }
}

function requireNames(told: readonly string[], certificate: CertificateRow): void {
  const wanted = new Set(namesOf(certificate).map((name) => name.toLowerCase()))
  if (told.length === wanted.size && told.every((name) => wanted.has(name))) return
  throw new Refusal('invalid', 'it is for other names than the certificate of this target')
}

/** Where as many were done in vain since, nothing is known to be proven. */
const mostDone = 50

/**
 * Something was proven on the target behind this renewal: it was told later than the certificate began, and is not what the renewal took
 * the place of, of which the host may tell as late.
 */
async function isPast(
  store: Store,
  { targetId, replaces }: Pick<OwnRenewal, 'targetId' | 'replaces'>,
  { notBefore }: Pick<Told, 'notBefore'>,
): Promise<boolean> {
  const done = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, mostDone)
  // Newest first: of two that were told at one moment the first is the later one.
  const [last] = done
    .filter((job) => judge(job).word === 'proven')
    .toSorted((one, other) => other.updatedAt - one.updatedAt)
  return last !== undefined && last.updatedAt > notBefore && (await leafOf(store, last)) !== replaces
}

/** SHA-256 of what a job that went well has brought, hex; null: it is not known. */
async function leafOf({ versions }: Store, job: JobRow): Promise<string | null> {
  const { certificateId, versionNumber } = job
  const meant = versionNumber === null ? null : await versions.numbered(certificateId, versionNumber)
  return toldLeaf(job) ?? meant?.fingerprint ?? null
}

/** As the newest version; one that is known, or ends before the newest, is not. */
async function keep(
  store: Store,
  certificate: CertificateRow,
  newest: VersionRow | null,
  told: Told,
  at: number,
): Promise<{ readonly did: 'taken' | 'known' | 'older'; readonly number: number }> {
  const known = (await store.versions.list(certificate.id, mostVersions)).find(
    ({ fingerprint }) => fingerprint === told.fingerprint,
  )
  if (known !== undefined) return { did: 'known', number: known.number }
  if (newest !== null && newest.revokedAt === null && newest.notAfter >= told.notAfter)
    return { did: 'older', number: 0 }
  const number = await addVersion(store, certificate, newest, { ...told, issuer: hostIssuer, issuedAt: at })
  return { did: 'taken', number }
}

const mostVersions = 1000
const ended = 'the host has renewed it by itself'

/** A renewal of our own that was planned meanwhile. */
async function endOwn({ jobs, signings }: Store, certificateId: string, at: number): Promise<void> {
  const job = await jobs.lastIssuance(certificateId)
  if (job === null) return
  if (await jobs.move(job.id, ['AwaitingCSR', 'Running'], 'Cancelled', at, ended)) {
    if (isHere(job)) await signings.endOf(job.id, ended)
  }
}

/** A deployment that nobody asked for, and that is over: from now on the target is known to have it. */
async function noteOnTarget(
  store: Store,
  { targetId, status, error, outcome }: OwnRenewal,
  agentId: string,
  certificateId: string,
  versionNumber: number,
  at: number,
): Promise<void> {
  const { jobs } = store
  const last = await lastOnTarget(store, targetId)
  const isNoted =
    last?.versionNumber === versionNumber && last.certificateId === certificateId && last.status === status
  if (isNoted) return
  const id = newId('job')
  const job = {
    id,
    type: 'Deployment',
    agentId,
    certificateId,
    targetId,
    versionNumber,
    status: 'Pending',
    createdAt: at,
  } as const
  await jobs.add(job)
  await jobs.finish({ id, agentId, status, error, outcome, at })
  const ended = await jobs.byId(id)
  if (status === 'Failed' && ended !== null) await planRedeployment(store, ended)
}
