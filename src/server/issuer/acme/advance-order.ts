import type { AcmeOrder } from '../../../acme/answers.ts'
import { asWaxsealError, WaxsealError } from '../../../error/waxseal-error.ts'
import { isCode } from '../../../host/file/files.ts'
import { readPem } from '../../../material/read-pem.ts'
import type { AcmeOrderRow } from '../../store/acme-order-store.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { SigningRequest, SignStep } from '../issuer.ts'
import { whyUnfit } from '../why-unfit.ts'
import { type FailedName, failOrder } from './fail-order.ts'
import { type ProvingParts, proveNames } from './prove-names.ts'

/** What an order is placed with. */
export interface AdvancingParts extends ProvingParts {
  /** Of the issuer. */
  readonly name: string
  readonly profile: string | null
}

/** More steps than an order has: then it is somebody else's turn. */
const mostSteps = 6
const shortestPauseMs = 1000
const longestPauseMs = 10 * 60_000
const processingMs = 2000
/** Of an order whose CA does not say when it ends. */
const longestOrderMs = 7 * 86_400_000
const late = { type: 'unknown', detail: 'the CA has not signed it before the end of the order' } as const

/**
 * Does what can be done now for an order that this server alone has. Where the CA has done something and its answer was lost, asking it
 * where the order is shows that: each step begins with its word. Fails with ACME_REFUSED, ACME_UNREACHABLE, DNS_UPDATE_FAILED and the like.
 */
export async function advanceOrder(
  parts: AdvancingParts,
  row: AcmeOrderRow,
  request: SigningRequest,
): Promise<SignStep> {
  const { client, orders, now } = parts
  let known = row
  let order = row.url === null ? await placeOrder(parts, row, request) : await lookAt(parts, row, row.url)
  for (let step = 0; step < mostSteps; step += 1) {
    if (order.status === 'valid') return take(parts, known, order, request)
    if (order.status === 'invalid') return fail(parts, known, order)
    if (isPastEnd(order, known, await now()))
      return failOrder(orders, known, await now(), { failed: [], problem: late })
    if (order.status === 'ready') order = await finalize(parts, known, order, request.csrPem)
    else if (order.status === 'processing')
      return waits(await now(), order.retryAfterMs ?? processingMs, 'the CA signs')
    else {
      const left = await proveNames(parts, known, order, request)
      if (left !== null) return waits(await now(), left.pauseMs, left.reason)
      order = await client.order(order.url)
      if (order.status === 'pending') return waits(await now(), processingMs, 'the CA looks for the proof of the names')
    }
    known = (await orders.open(request.id, parts.name)) ?? known
  }
  return waits(await now(), processingMs, 'the CA signs')
}

/** What it replaces, where that is of the same issuer: no other CA knows it. */
export function ownReplaced(issuer: string, { replaces }: SigningRequest): VersionRow | null {
  return replaces?.issuer === issuer ? replaces : null
}

async function placeOrder(
  { client, orders, name, profile, now }: AdvancingParts,
  { id, names }: AcmeOrderRow,
  request: SigningRequest,
): Promise<AcmeOrder> {
  try {
    const wanted = { names: names.split(' '), profile, replaces: ownReplaced(name, request)?.pem ?? null }
    const order = await client.newOrder(wanted)
    await orders.save(id, { url: order.url })
    return order
  } catch (error) {
    // There is none that could go on, or one of which nobody knows: the next one is counted by itself.
    if (isRefused(error) || isAnswerLost(error))
      await orders.fail(id, await now(), { error: asWaxsealError(error).message })
    throw error
  }
}

/** An order that the CA does not know any more is over. */
async function lookAt({ client, orders, now }: AdvancingParts, row: AcmeOrderRow, url: string): Promise<AcmeOrder> {
  try {
    return await client.order(url)
  } catch (error) {
    if (isFinal(error)) await orders.fail(row.id, await now(), { error: 'the CA does not know it any more' })
    throw error
  }
}

async function finalize(
  { client, orders, now }: AdvancingParts,
  { id }: AcmeOrderRow,
  order: AcmeOrder,
  csrPem: string,
): Promise<AcmeOrder> {
  const der = readPem(csrPem).blocks[0]?.der ?? new Uint8Array()
  try {
    return await client.finalize(order, der)
  } catch (error) {
    if (!isRefused(error)) throw error
    // Two answers may have crossed.
    const after = await client.order(order.url)
    if (after.status === 'processing' || after.status === 'valid') return after
    if (isFinal(error)) await orders.fail(id, await now(), { error: String(error.details['detail']) })
    throw error
  }
}

async function take(
  { client, orders, now, name }: AdvancingParts,
  { id }: AcmeOrderRow,
  { certificate }: AcmeOrder,
  request: SigningRequest,
): Promise<SignStep> {
  if (certificate === null)
    throw new WaxsealError('ACME_UNREACHABLE', { reason: 'it does not say where the certificate is' })
  const { pem } = await client.certificate(certificate)
  const why = whyUnfit(pem, request)
  if (why !== null) {
    await orders.fail(id, await now(), { error: why })
    throw new WaxsealError('ACME_UNREACHABLE', { issuer: name, reason: `what it signed cannot be used: ${why}` })
  }
  return { state: 'signed', pem }
}

/** ACME_REFUSED, with what the CA says of each name, as far as it does. */
async function fail({ client, orders, now }: AdvancingParts, row: AcmeOrderRow, order: AcmeOrder): Promise<never> {
  const names = row.names.split(' ')
  const failed: FailedName[] = []
  for (const url of order.authorizations.slice(0, names.length)) {
    const said = await client.authorization(url, names).catch(() => null)
    if (said?.status !== 'invalid') continue
    const problem = said.challenges.find((one) => one.problem !== null)?.problem ?? null
    failed.push({ name: said.name, problem })
  }
  const problem = order.problem ?? { type: 'unknown', detail: 'the order is invalid' }
  return failOrder(orders, row, await now(), { failed, problem })
}

/** Behind its end the CA takes no proof; one whose clock is another one is given an hour. */
function isPastEnd({ expiresAt }: AcmeOrder, { createdAt }: AcmeOrderRow, at: number): boolean {
  return at > Math.max(expiresAt ?? createdAt + longestOrderMs, createdAt + 3_600_000)
}

function waits(at: number, pauseMs: number, reason: string): SignStep {
  return {
    state: 'waits',
    untilMs: at + Math.round(Math.min(longestPauseMs, Math.max(shortestPauseMs, pauseMs))),
    reason,
  }
}

/** The CA was reached, and may have done what it was asked for. */
function isAnswerLost(error: unknown): boolean {
  if (!(error instanceof WaxsealError) || error.code !== 'ACME_UNREACHABLE') return false
  const { status, retryAfterMs } = error.details
  // It was connected, and the time for an answer was over.
  const isTimeout = isCode(error.cause, 'ABORT_ERR')
  return isTimeout || (typeof status === 'number' && retryAfterMs === undefined)
}

function isRefused(error: unknown): error is WaxsealError {
  return error instanceof WaxsealError && error.code === 'ACME_REFUSED'
}

const ofTheMoment = ['rateLimited', 'serverInternal', 'badNonce', 'orderNotReady', 'unknown']

/** Refused, and not because of the moment. */
function isFinal(error: unknown): boolean {
  if (!isRefused(error)) return false
  const { type, status } = error.details
  return status === 404 || status === 410 || !ofTheMoment.includes(String(type))
}
