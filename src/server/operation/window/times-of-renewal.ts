import { isAhead } from '../../renewal/when-due.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import { type Span, windowAt } from '../../rollout/window.ts'
import type { CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import type { WindowRow } from '../../store/window-store.ts'
import { audit } from '../audit.ts'
import { isHastened } from '../renewal/due-by-issuer.ts'

/** When a job is handed out; null: at any time. */
export type HandOutTimes = Pick<JobRow, 'notBefore' | 'handOutUntil'>

const anyTime: HandOutTimes = { notBefore: null, handOutUntil: null }
const dayMs = 86_400_000

/**
 * When what the scheduler begins for this certificate is handed out: in the windows of its agent's labels; where there are several, in
 * each of them. None holds it up beyond the time when the end of what is served is near, and one that was revoked, or that its issuer hastens, waits for none.
 * Call it in a transaction.
 */
export async function timesOfRenewal(store: Store, certificate: CertificateRow, at: number): Promise<HandOutTimes> {
  const windows = await store.windows.of(certificate.agentId)
  if (windows.length === 0 || certificate.revokedAt !== null) return anyTime
  const nearAt = await nearEndOf(store, certificate, at)
  if (nearAt !== null && nearAt > at) return timesIn(windows, at, nearAt)
  if (nearAt !== null) await audit(store, 'server', 'window.override', certificate.id)
  return anyTime
}

/** The same of the deployments that follow its issuance: one that waited for no window has deployments that wait for none. */
export async function timesOfFollowing(store: Store, certificate: CertificateRow, at: number): Promise<HandOutTimes> {
  const handOutUntil = (await store.jobs.lastIssuance(certificate.id))?.handOutUntil ?? null
  return handOutUntil === null ? anyTime : timesOfRenewal(store, certificate, at)
}

/** In the window that is open, else from the start of the next one on, or from `nearAt` on, if that is earlier. */
function timesIn(windows: readonly WindowRow[], at: number, nearAt: number): HandOutTimes {
  // One that opened once, and not for a long time again, is looked at every day.
  const spans = windows.map((window): Span => windowAt(window, at) ?? { from: at + dayMs, until: at + dayMs })
  const open = spans.filter(({ from }) => from <= at)
  if (open.length > 0) return { notBefore: null, handOutUntil: Math.max(...open.map(({ until }) => until)) }
  const [next] = spans.toSorted((one, other) => one.from - other.from)
  return next === undefined ? anyTime : { notBefore: Math.min(next.from, nearAt), handOutUntil: next.until }
}

/** Of all that its targets serve, the earliest. Null: nothing is served yet, and nothing may wait. */
async function nearEndOf(store: Store, { id, renewShare }: CertificateRow, at: number): Promise<number | null> {
  const served: VersionRow[] = []
  for (const targetId of await store.certificates.stillDeployedTo(id)) {
    const [done] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, 1)
    const { certificateId, versionNumber = null } = done ?? {}
    if (certificateId === undefined || versionNumber === null) continue
    const version = await store.versions.numbered(certificateId, versionNumber)
    if (version === null) continue
    if (await isHastened(store, version)) return at
    served.push(version)
  }
  const newest = served.length === 0 ? await store.versions.newest(id) : null
  const found = served.length === 0 && newest === null ? await store.discovered.boundTo(id) : null
  const lives = [...served, newest, found].filter((life) => life !== null)
  if (lives.length === 0) return null
  return Math.min(
    ...lives.map(({ notBefore, notAfter }) =>
      isAhead({ notBefore }, at) ? at : nearEndAt({ certificateId: id, notBefore, notAfter }, renewShare),
    ),
  )
}
