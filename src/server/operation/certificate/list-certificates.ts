import type { Label } from '../../store/label-store.ts'
import type { Page } from '../../store/page.ts'
import type { CertificateRow, JobRow, TargetRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { requireLabels } from '../agent/label-agent.ts'
import { lastOnTarget } from '../job/last-on-target.ts'
import { openIssuance } from '../job/open-issuance.ts'
import type { Parts } from '../parts.ts'
import { dueByIssuer } from '../renewal/due-by-issuer.ts'

/** A certificate with where it stands. */
export interface ListedCertificate {
  readonly certificate: CertificateRow
  readonly agentName: string
  /** Null: none is signed yet. */
  readonly version: VersionRow | null
  /** When it is looked at next; null: it is not renewed. */
  readonly nextRenewalAt: number | null
  /** The issuance that is open. */
  readonly issuance: JobRow | null
  /** Whether a window holds that one, or though there is one does not; null: there is none. */
  readonly window: 'held' | 'overridden' | null
  readonly targets: readonly Deployed[]
}

/** What one of its targets has of it. */
export interface Deployed {
  readonly target: TargetRow
  /** The deployment that is in place; null: none of this certificate is. */
  readonly inPlace: JobRow | null
  /** The newest one, when it failed. */
  readonly failed: JobRow | null
}

/** Each asks the database some times: so many are looked at, and then all that has arrived in the meantime is served. */
const aPiece = 10

/** Certificates with their end, their next renewal, and what their targets have of them; `labels`: of agents with all of them. */
export async function listCertificates(
  { store }: Pick<Parts, 'store'>,
  page: Page,
  labels: readonly Label[] = [],
): Promise<readonly ListedCertificate[]> {
  await requireLabels(store, labels)
  const certificates = await store.certificates.list(page, labels)
  const listed: ListedCertificate[] = []
  for (let at = 0; at < certificates.length; at += aPiece) {
    const piece = certificates.slice(at, at + aPiece)
    listed.push(...(await Promise.all(piece.map((certificate) => withDetails(store, certificate)))))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return listed
}

async function withDetails(store: Store, certificate: CertificateRow): Promise<ListedCertificate> {
  const { id, agentId, renewShare } = certificate
  const [agent, version, issuance] = [
    await store.agents.named(agentId),
    await store.versions.newest(id),
    await openIssuance(store, id),
  ]
  const isLookedAt = certificate.nextRenewalAt !== null && issuance === null
  const due = version === null ? certificate.nextRenewalAt : (await dueByIssuer(store, version, renewShare)).at
  return {
    certificate,
    agentName: agent?.name ?? agentId,
    version,
    nextRenewalAt: isLookedAt ? Math.max(certificate.nextRenewalAt, due ?? 0) : null,
    issuance,
    window: issuance === null ? null : await windowOf(store, agentId, issuance),
    targets: await Promise.all(
      (await store.certificates.deployedTo(id)).map((targetId) => deployed(store, id, targetId)),
    ),
  }
}

async function windowOf(
  { windows }: Store,
  agentId: string,
  { handOutUntil }: JobRow,
): Promise<ListedCertificate['window']> {
  if (handOutUntil !== null) return 'held'
  return (await windows.of(agentId)).length > 0 ? 'overridden' : null
}

async function deployed(store: Store, certificateId: string, targetId: string): Promise<Deployed> {
  const target = await store.targets.byId(targetId)
  if (target === null) throw new Error('a certificate is deployed to a target that is not there')
  const last = await lastOnTarget(store, targetId)
  const [done] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, 1)
  return {
    target,
    inPlace: done?.certificateId === certificateId ? done : null,
    failed: last?.status === 'Failed' && last.certificateId === certificateId ? last : null,
  }
}
