import { withinTime } from '../../../connector/registry/within-time.ts'
import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import type { Issuer, RenewalInfo } from '../../issuer/issuer.ts'
import { askAfterFailures, askAgainAfter } from '../../renewal/ask-again.ts'
import { urgentBy } from '../../renewal/issuer-window.ts'
import type { AskedInfo, RenewalInfoRow } from '../../store/renewal-info-store.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { dueByIssuer } from './due-by-issuer.ts'

/** Of one issuer, at each look: two hundred a minute, and so ten thousand within the hour in which a mass revocation is told. */
const mostAtOnce = 50
const askedAtOnce = 4
/** For so long another server leaves a version to the one that asks about it. */
const holdMs = 5 * 60_000
/** One that says nothing to so many is down: the others of this look are left for the next. */
const mostFailures = 4
const mostAnswerMs = 30_000
const longestUrl = 1000

/** Who is asked, and where the answers are kept. */
export interface AskingParts {
  readonly store: Store
  readonly issuers: readonly Issuer[]
}

/**
 * Asks the issuers about versions whose time for it has come (RFC 9773), and plans the renewals that they hasten. What an ask gives is
 * a window to renew in; without one, and while asks fail, our own rule holds. Returns how many were asked about.
 */
export async function askIssuers({ store, issuers }: AskingParts): Promise<number> {
  let asked = 0
  for (const issuer of issuers) {
    if (issuer.renewalInfo === undefined) continue
    const now = await store.now()
    const rows = await store.renewalInfos.take(issuer.name, now, now + holdMs, mostAtOnce)
    asked += await askAll(store, issuer, rows)
  }
  return asked
}

async function askAll(store: Store, issuer: Issuer, rows: readonly RenewalInfoRow[]): Promise<number> {
  const waiting = [...rows]
  let [asked, failures] = [0, 0]
  const ask = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined && failures < mostFailures; row = waiting.shift()) {
      asked += 1
      failures = (await askOne(store, issuer, row)) ? 0 : failures + 1
    }
  }
  await Promise.all(Array.from({ length: askedAtOnce }, ask))
  return asked
}

/** False: it failed. */
async function askOne(store: Store, issuer: Issuer, row: RenewalInfoRow): Promise<boolean> {
  const { certificateId, number } = row
  const version = await store.versions.numbered(certificateId, number)
  if (version === null || version.notAfter <= (await store.now())) {
    await store.renewalInfos.record(certificateId, number, { ...row, askAt: null })
    return true
  }
  const answer = await answerOf(issuer, version)
  await store.transaction((inside) => record(inside, row, version, answer))
  return typeof answer !== 'string'
}

/** A text: why there is no answer. */
async function answerOf(issuer: Issuer, version: VersionRow): Promise<RenewalInfo | null | string> {
  try {
    const ask = async () => issuer.renewalInfo?.(version)
    const answer = (await withinTime(mostAnswerMs, new AbortController().signal, ask)) ?? null
    return answer === null || isWindow(answer) ? answer : 'its window is none: it does not begin before its end'
  } catch (error) {
    return describeError(asWaxsealError(error))
  }
}

/** An issuer may be a module of somebody else's. */
function isWindow({ start, end }: RenewalInfo): boolean {
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start < end
}

async function record(
  store: Store,
  row: RenewalInfoRow,
  version: VersionRow,
  answer: RenewalInfo | null | string,
): Promise<void> {
  const { certificateId, number } = row
  const certificate = await store.certificates.lock(certificateId)
  if (certificate === null) return
  const now = await store.now()
  await store.renewalInfos.record(certificateId, number, asked(row, version, answer, now, certificate.renewShare))
  const newest = await store.versions.newest(certificateId)
  const { nextRenewalAt, renewalFailures, renewShare } = certificate
  // One that is not renewed stays so; what has failed waits for its own time.
  if (newest?.number !== number || nextRenewalAt === null || renewalFailures > 0) return
  const { at } = await dueByIssuer(store, version, renewShare)
  if (at < nextRenewalAt) await store.certificates.plan(certificateId, { nextRenewalAt: at })
}

function asked(
  row: RenewalInfoRow,
  version: VersionRow,
  answer: RenewalInfo | null | string,
  now: number,
  renewShare: number | null,
): AskedInfo {
  const { certificateId, number, issuer, ...before } = row
  const id = `${certificateId} ${number}`
  if (typeof answer === 'string') {
    const failures = row.failures + 1
    return { ...before, failures, lastError: answer, askAt: now + askAfterFailures(failures, id) }
  }
  const none = { startsAt: null, endsAt: null, urgentBy: null, explanation: null }
  const askAt = now + askAgainAfter(answer === null ? null : readable(answer.askAgainMs), id)
  const good = { failures: 0, lastError: null, askAt }
  if (answer === null) return { ...none, ...good }
  const window = { startsAt: answer.start, endsAt: answer.end }
  const urgent = urgentBy(version, renewShare, window)
  return { ...good, ...window, urgentBy: urgent, explanation: webPage(answer.explanation) }
}

function readable(ms: number | null): number | null {
  return ms !== null && Number.isFinite(ms) ? ms : null
}

/** Only what a person can be given to open. */
function webPage(text: string | null): string | null {
  return typeof text === 'string' && text.length <= longestUrl && /^https?:\/\/[\x21-\x7e]+$/.test(text) ? text : null
}
