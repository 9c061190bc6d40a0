import type { AcmeOrder } from '../../../acme/answers.ts'
import { asWaxsealError, WaxsealError } from '../../../error/waxseal-error.ts'
import { readPem } from '../../../material/read-pem.ts'
import { readVersion } from '../../authority/read-version.ts'
import type { AcmeOrderRow } from '../../store/acme-order-store.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { SigningRequest, SignStep } from '../issuer.ts'
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
    // Refused: there is none that could go on.
    if (isRefused(error)) await orders.fail(id, await now(), { error: asWaxsealError(error).message })
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
  { spki }: SigningRequest,
): Promise<SignStep> {
  if (certificate === null)
    throw new WaxsealError('ACME_UNREACHABLE', { reason: 'it does not say where the certificate is' })
  const { pem } = await client.certificate(certificate)
  if (readVersion(pem).spki !== spki) {
    await orders.fail(id, await now(), { error: 'its certificate is for another key' })
    throw new WaxsealError('ACME_UNREACHABLE', {
      issuer: name,
      reason: 'its certificate is not for the key of the CSR',
    })
  }
  return { state: 'signed', pem }
}

/** ACME_REFUSED, with what the CA says of each name. */
async function fail({ client, orders, now }: AdvancingParts, row: AcmeOrderRow, order: AcmeOrder): Promise<never> {
  const names = row.names.split(' ')
  const failed: { readonly name: string; readonly why: string }[] = []
  for (const url of order.authorizations) {
    const { name, status, challenges } = await client.authorization(url, names)
    const problem = challenges.find((one) => one.problem !== null)?.problem
    if (status === 'invalid')
      failed.push({ name, why: `${name}: ${problem?.type ?? 'unknown'}: ${problem?.detail ?? ''}` })
  }
  const perName = failed.map(({ why }) => why)
  const { type = 'unknown', detail = 'the order is invalid' } = order.problem ?? {}
  const failedNames = failed.length === 0 ? '' : ` ${failed.map(({ name }) => name).join(' ')} `
  await orders.fail(row.id, await now(), { failedNames, error: perName.join('; ') || detail })
  throw new WaxsealError('ACME_REFUSED', { type, detail, ...(perName.length === 0 ? {} : { perName }) })
}

function waits(at: number, pauseMs: number, reason: string): SignStep {
  return {
    state: 'waits',
    untilMs: at + Math.round(Math.min(longestPauseMs, Math.max(shortestPauseMs, pauseMs))),
    reason,
  }
}

function isRefused(error: unknown): error is WaxsealError {
  return error instanceof WaxsealError && error.code === 'ACME_REFUSED'
}

/** Refused, and not because of the moment. */
function isFinal(error: unknown): boolean {
  const ofTheMoment = ['rateLimited', 'serverInternal', 'badNonce', 'orderNotReady', 'unknown']
  return isRefused(error) && !ofTheMoment.includes(String(error.details['type']))
}
