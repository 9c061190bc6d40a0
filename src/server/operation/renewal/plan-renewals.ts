import type { Issuer } from '../../issuer/issuer.ts'
import { withinRate } from '../../renewal/within-rate.ts'
import type { CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { openIssuance } from '../job/open-issuance.ts'
import { silenceMs } from '../job/reap.ts'
import type { Parts } from '../parts.ts'
import { type DueReason, dueOf } from './due-of.ts'
import { isUnused } from './is-unused.ts'

const dayMs = 86_400_000
/** Each asks the database some times: so many are looked at, and then all that has arrived in the meantime is served. */
const aPiece = 20
/** Of certificates, in one answer. */
const most = 10_000
/** From this share of the life on a renewal is late, as everywhere (docs/status.md). */
const lateFrom = 0.9

/** Why a renewal begins when it does. */
export type PlannedReason =
  | DueReason
  /** It has begun. */
  | 'open'
  /** It has begun, and a maintenance window holds it up. */
  | 'window'
  /** The one before failed, and it is tried again. */
  | 'failed'
  /** Its issuer takes no more orders before. */
  | 'limit'
  /** Nobody renews it. */
  | 'none'

/** A renewal that is to come, as far as is known now. */
export interface PlannedRenewal {
  readonly certificate: CertificateRow
  readonly agentName: string
  /** What is replaced; null: one that was found on its host. */
  readonly version: VersionRow | null
  /** When it begins, in milliseconds since 1970; null: never. */
  readonly at: number | null
  readonly why: PlannedReason
  /** Who is asked, in this order. */
  readonly issuers: readonly string[]
  /** It begins, or is still under way, behind nine tenths of the life; or it ends without one. */
  readonly isLate: boolean
  /** What an operator should look at; null: nothing is known. */
  readonly inTheWay: string | null
}

/** A dry run of the scheduler. */
export interface RenewalPlan {
  readonly at: number
  readonly until: number
  /** The first comes first. */
  readonly renewals: readonly PlannedRenewal[]
  /** There are more certificates than one answer has. */
  readonly isCut: boolean
}

/** What would be renewed in the next days, when, by whom, and why: by the rules by which it is done, and nothing is changed. */
export async function planRenewals(
  { store, presence, signer, issuers }: Pick<Parts, 'store' | 'presence' | 'signer' | 'issuers'>,
  days: number,
): Promise<RenewalPlan> {
  const at = await store.now()
  const until = at + days * dayMs
  const renewals: PlannedRenewal[] = []
  let seen = 0
  for (let after = ''; seen < most; ) {
    const piece = await store.certificates.planned(until, { after, limit: aPiece })
    for (const certificate of piece) {
      const planned = await plannedOf(store, presence, signer.order, certificate, at)
      if (planned !== null && (planned.at ?? 0) <= until) renewals.push(planned)
    }
    seen += piece.length
    const last = piece.at(-1)
    if (last === undefined || piece.length < aPiece) break
    after = last.id
    await new Promise((resolve) => setImmediate(resolve))
  }
  let planned: readonly PlannedRenewal[] = renewals.toSorted(byTime)
  for (const issuer of issuers) planned = withinLimits(planned, issuer)
  return { at, until, renewals: planned.toSorted(byTime), isCut: seen >= most }
}

/** As the first of its issuers counts its orders. What has begun is among them, and what it had before is not. */
function withinLimits(renewals: readonly PlannedRenewal[], { name, limits }: Issuer): readonly PlannedRenewal[] {
  const isIts = ({ issuers: [first], at }: PlannedRenewal): boolean => first === name && at !== null
  const times = withinRate(
    renewals.filter(isIts).map(({ at }) => at ?? 0),
    limits?.orders ?? null,
  )
  let place = -1
  return renewals.map((one) => {
    if (!isIts(one)) return one
    place += 1
    const at = times[place] ?? one.at
    if (at === null || at === one.at) return one
    return { ...one, at, why: 'limit', isLate: one.version !== null && at >= lateAt(one.version) }
  })
}

function byTime(one: PlannedRenewal, other: PlannedRenewal): number {
  return (one.at ?? endOf(one)) - (other.at ?? endOf(other)) || (one.certificate.id < other.certificate.id ? -1 : 1)
}

function endOf({ version }: PlannedRenewal): number {
  return version?.notAfter ?? 0
}

/** Null: nothing is to come. */
async function plannedOf(
  store: Store,
  presence: Parts['presence'],
  order: readonly string[],
  certificate: CertificateRow,
  now: number,
): Promise<PlannedRenewal | null> {
  const { id, agentId, nextRenewalAt, lastError } = certificate
  const [agent, version] = [await store.agents.named(agentId), await store.versions.newest(id)]
  // It is not renewed, and nobody uses it.
  if (agent?.status !== 'active' || (await isUnused(store, id))) return null
  const issuers = certificate.issuers.length === 0 ? order : certificate.issuers
  const base = { certificate, agentName: agent.name, version, issuers }
  const open = await openIssuance(store, id)
  if (open === null && nextRenewalAt === null) {
    if (version === null || version.notAfter <= now) return null
    return { ...base, at: null, why: 'none', isLate: true, inTheWay: lastError ?? 'nobody renews it' }
  }
  const { at, why } = open === null ? await next(store, certificate, version, now) : underWay(open, now)
  const silent = await silentSince(store, presence, agentId, now)
  const isLate = version !== null && at >= lateAt(version)
  const isNow = at <= now
  return { ...base, at, why, isLate, inTheWay: lastError ?? (isNow ? silent : null) }
}

async function next(
  store: Store,
  certificate: CertificateRow,
  version: VersionRow | null,
  now: number,
): Promise<Pick<PlannedRenewal, 'why'> & { readonly at: number }> {
  const due = await dueOf(store, certificate, version, now)
  const looked = certificate.nextRenewalAt ?? now
  const at = Math.max(due.at, looked, now)
  return { at, why: certificate.renewalFailures > 0 && looked > due.at ? 'failed' : due.why }
}

function underWay({ notBefore }: JobRow, now: number): Pick<PlannedRenewal, 'why'> & { readonly at: number } {
  return notBefore !== null && notBefore > now ? { at: notBefore, why: 'window' } : { at: now, why: 'open' }
}

async function silentSince(
  store: Store,
  presence: Parts['presence'],
  agentId: string,
  now: number,
): Promise<string | null> {
  const since = presence.since((await store.presence.of(agentId))?.seenAt ?? null)
  return now - since > silenceMs ? `its host was heard last at ${new Date(since).toISOString().slice(0, 19)}Z` : null
}

function lateAt({ notBefore, notAfter }: VersionRow): number {
  return notBefore + (notAfter - notBefore) * lateFrom
}
