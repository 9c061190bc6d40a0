import type { Logger } from 'pino'
import type { AcmeKey } from '../acme/acme-key.ts'
import type { AcmeOrder } from '../acme/answers.ts'
import { type AcmeClient, openAcme } from '../acme/open-acme.ts'
import type { AccountJwk, DueRenewal } from '../documents/own-renewal.ts'
import { asWaxsealError, describeError, WaxsealError } from '../error/waxseal-error.ts'
import { type Clock, pause } from '../host/clock.ts'
import type { CertificateFacts } from '../outcome/outcome.ts'
import type { Deployer } from './deployer.ts'
import type { CourierState } from './state.ts'

/** How the CA is reached, as policy.acme.own has it. */
export interface OwnAcme {
  readonly directory: string
  /** PEM of the roots to trust there; null: the system's. */
  readonly ca: string | null
  /** The share of its life that a certificate has used by then. */
  readonly after: number
  readonly profile: string | null
  readonly contact: readonly string[]
  readonly acceptsTerms: boolean
}

/** What a target serves. */
interface Live {
  readonly certificate: Pick<CertificateFacts, 'sha256' | 'notBefore' | 'notAfter'>
}

/** What renewing without a control plane needs. */
export interface OwnRenewalParts {
  readonly deployer: Deployer
  readonly readShown: () => Promise<{ readonly records: readonly Live[] } | null>
  readonly state: Pick<CourierState, 'lastPoll' | 'lastHeartbeat'>
  /** Read each time; null: policy has no renewal of its own. */
  readonly readAcme: () => Promise<OwnAcme | null>
  /** Once a certificate is handed over. */
  readonly onRenewed: () => Promise<void>
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Whether there is a control plane at all. */
  readonly isEnrolled: () => boolean
  readonly signal: AbortSignal
}

/** Between two looks at what this host has, in milliseconds; sooner for certificates that live for hours. */
const longestLookMs = 10 * 60_000
const shortestLookMs = 5000
/** A control plane that was not heard for so long is gone, in milliseconds, and at most for this share of a certificate's life. */
const goneMs = 60 * 60_000
const goneShare = 1 / 50
/** After a failure; a CA that asks for more gets more. */
const firstWaitMs = 60_000
const longestWaitMs = 60 * 60_000

/**
 * Renews by ACME what has used its share of life while the control plane cannot be reached, until the signal aborts. Nothing is kept here:
 * the deployer says what is due, signs, and takes the certificate. No failure ends it.
 */
export async function renewAlone(parts: OwnRenewalParts): Promise<void> {
  const { clock, log, signal } = parts
  const startedAt = clock.now()
  const waits: Waits = new Map()
  let failures = 0
  while (!signal.aborted) {
    let waitMs = longestLookMs
    try {
      waitMs = await lookOnce(parts, startedAt, waits)
      failures = 0
    } catch (error) {
      const coded = asWaxsealError(error)
      failures += 1
      waitMs = paceOf(failures, clock)
      log.warn(
        { code: coded.code, reason: describeError(coded), wait: Math.round(waitMs) },
        'not renewed by this host itself',
      )
    }
    await pause(clock, waitMs, signal)
  }
}

/** What could not be renewed, by its leaf: it is left alone until then (milliseconds since 1970). */
type Waits = Map<string, { readonly failures: number; readonly until: number }>

function paceOf(failures: number, clock: Clock): number {
  const pace = Math.min(firstWaitMs * 2 ** Math.min(failures - 1, 10), longestWaitMs)
  return pace * (0.5 + 0.5 * clock.random())
}

function mayTry(waits: Waits, leaf: string, at: number): boolean {
  return (waits.get(leaf)?.until ?? at) <= at
}

/** Returns when to look again, in milliseconds. */
async function lookOnce(parts: OwnRenewalParts, startedAt: number, waits: Waits): Promise<number> {
  const { clock, deployer } = parts
  const acme = await parts.readAcme()
  const records = (await parts.readShown())?.records ?? []
  if (acme === null || records.length === 0) return longestLookMs
  const heard = heardAt(parts, startedAt)
  let lookMs = longestLookMs
  let isAny = false
  for (const { certificate } of records) {
    const from = Date.parse(certificate.notBefore)
    const life = Date.parse(certificate.notAfter) - from
    lookMs = Math.min(lookMs, Math.max(life / 100, shortestLookMs))
    const isGone = clock.now() - heard >= Math.min(goneMs, life * goneShare)
    isAny ||= isGone && clock.now() >= from + life * acme.after && mayTry(waits, certificate.sha256, clock.now())
  }
  for (const { until } of waits.values()) if (until > clock.now()) lookMs = Math.min(lookMs, until - clock.now())
  // The deployer is not started for nothing.
  if (!isAny) return lookMs
  const { account, due } = await deployer.ask({ ask: 'renewals' })
  const now = due.filter(({ leaf }) => mayTry(waits, leaf, clock.now()))
  if (account === null || now.length === 0) return lookMs
  const nextMs = await renewAll(now, account, acme, parts, waits)
  return Math.min(lookMs, nextMs)
}

/** One that cannot be renewed holds back no other, whatever the CA asks for. Returns when one of them is tried again, in milliseconds. */
async function renewAll(
  due: readonly DueRenewal[],
  account: AccountJwk,
  acme: OwnAcme,
  parts: OwnRenewalParts,
  waits: Waits,
): Promise<number> {
  const { clock, deployer, log, signal } = parts
  const client = openAcme({ ...acme, key: keyOf(account, deployer), signal })
  let nextMs = longestLookMs
  try {
    for (const one of due) {
      const { names, leaf } = one
      if (signal.aborted) break
      log.info({ names }, 'the control plane cannot be reached: this host renews by itself')
      try {
        const pem = await obtain(one, acme, client, parts)
        await deployer.ask({ ask: 'renewed', leaf, pem })
        waits.delete(leaf)
        log.info({ names }, 'renewed by this host itself, and handed over')
        await parts.onRenewed()
      } catch (error) {
        const coded = asWaxsealError(error)
        const failures = (waits.get(leaf)?.failures ?? 0) + 1
        const asked = coded.details['retryAfterMs']
        const wait = Math.max(paceOf(failures, clock), typeof asked === 'number' ? asked : 0)
        waits.set(leaf, { failures, until: clock.now() + wait })
        nextMs = Math.min(nextMs, wait)
        const why = { code: coded.code, reason: describeError(coded), wait: Math.round(wait) }
        log.warn({ names, ...why }, 'not renewed by this host itself')
      }
    }
  } finally {
    await client.close()
  }
  return nextMs
}

/** Without a control plane it was heard never. */
function heardAt({ state, isEnrolled }: OwnRenewalParts, startedAt: number): number {
  if (!isEnrolled()) return Number.NEGATIVE_INFINITY
  const times = [state.lastPoll, state.lastHeartbeat].map((at) => (at === null ? startedAt : Date.parse(at)))
  return Math.max(startedAt, ...times)
}

/** The account's key, which is with the deployer. */
function keyOf(jwk: AccountJwk, deployer: Deployer): AcmeKey {
  return {
    jwk,
    sign: async (bytes) => {
      const [header = '', payload = ''] = bytes.toString('latin1').split('.')
      const { signature } = await deployer.ask({ ask: 'sign', protected: header, payload })
      return Buffer.from(signature, 'base64url')
    },
  }
}

const looks = 60
const betweenLooksMs = 1000
const longestBetweenMs = 30_000

async function obtain(
  due: DueRenewal,
  { profile }: OwnAcme,
  client: AcmeClient,
  parts: OwnRenewalParts,
): Promise<string> {
  const { names, leaf } = due
  const placed = await client.newOrder({ names, profile, replaces: due.replaces })
  if (placed.status === 'pending') await prove(placed, due, client, parts)
  const ready = await settled(placed.url, ['ready', 'valid'], client, parts)
  // Made right before it is used: a deployer that ended meanwhile has forgotten it.
  const { csrPem } = await parts.deployer.ask({ ask: 'csr', leaf })
  const finalized = ready.status === 'ready' ? await client.finalize(ready, derOf(csrPem)) : ready
  const done = finalized.status === 'valid' ? finalized : await settled(finalized.url, ['valid'], client, parts)
  if (done.certificate === null)
    throw new WaxsealError('ACME_UNREACHABLE', { reason: 'its order is done and has no certificate' })
  return (await client.certificate(done.certificate)).pem
}

async function prove(
  order: AcmeOrder,
  { leaf, names }: DueRenewal,
  client: AcmeClient,
  { deployer }: OwnRenewalParts,
): Promise<void> {
  for (const url of order.authorizations) {
    const { status, challenges, name } = await client.authorization(url, names)
    if (status === 'valid') continue
    const challenge = challenges.find(({ type }) => type === 'http-01')
    if (challenge === undefined)
      throw new WaxsealError('ACME_REFUSED', { type: 'unknown', detail: `it takes no http-01 for ${name}` })
    await deployer.ask({ ask: 'challenge', leaf, name, token: challenge.token })
    await client.answer(challenge.url)
  }
}

/** The order, once it is in one of these states. ACME_REFUSED: it is invalid; ACME_UNREACHABLE: it takes too long. */
async function settled(
  url: string,
  states: readonly AcmeOrder['status'][],
  client: AcmeClient,
  { clock, signal }: OwnRenewalParts,
): Promise<AcmeOrder> {
  for (let look = 0; look < looks && !signal.aborted; look += 1) {
    const order = await client.order(url)
    if (states.includes(order.status)) return order
    if (order.status === 'invalid') {
      const { type = 'unknown', detail = 'the order is invalid' } = (await whyInvalid(order, client)) ?? {}
      throw new WaxsealError('ACME_REFUSED', { type, detail })
    }
    await pause(clock, Math.min(order.retryAfterMs ?? betweenLooksMs, longestBetweenMs), signal)
  }
  throw new WaxsealError('ACME_UNREACHABLE', { reason: 'the order takes too long' })
}

/** The order may not say it: then the challenge does. */
async function whyInvalid(order: AcmeOrder, client: AcmeClient): Promise<AcmeOrder['problem']> {
  if (order.problem !== null) return order.problem
  for (const url of order.authorizations) {
    const { challenges } = await client.authorization(url, order.names)
    const failed = challenges.find(({ problem }) => problem !== null)
    if (failed !== undefined) return failed.problem
  }
  return null
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
}
