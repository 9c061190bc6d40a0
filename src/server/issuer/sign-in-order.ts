import { asWaxsealError, describeError } from '../../error/waxseal-error.ts'
import { readVersion } from '../authority/read-version.ts'
import { type FallBackRule, type IssuerTry, isPassedOver } from '../renewal/fall-back.ts'
import { firstSigningPace, pauseAfter, signingPace } from '../renewal/when-due.ts'
import type { Issuer, SigningRequest, SignStep } from './issuer.ts'

/** What an issuer did this time. */
export interface NewTry extends IssuerTry {
  readonly issuer: string
  readonly reason: string
}

/** What came of asking. */
export interface Asked {
  /** A certificate (PEM, leaf and chain) and who signed it; null: nobody has. */
  readonly signed: { readonly pem: string; readonly issuer: string } | null
  /** One of them failed now. */
  readonly hasFailed: boolean
  /** This server has none of them: another one may. */
  readonly isElsewhere: boolean
  /** Of those that were asked now. */
  readonly tries: readonly NewTry[]
  /** When to ask again, in milliseconds since 1970. */
  readonly nextAt: number
  /** What each that counts now has said last. */
  readonly reasons: readonly string[]
}

/** Whom to ask, and what is known of them. */
export interface WhomToAsk {
  readonly issuers: readonly Issuer[]
  /** Names. */
  readonly order: readonly string[]
  /** What each did with this request before. */
  readonly before: ReadonlyMap<string, IssuerTry & { readonly reason: string }>
  readonly rule: FallBackRule
}

const unknownHere =
  'this server has no issuer of this name: write it into its configuration, or change the policy of the certificate'
/** Another server may take over what this one has no issuer for. */
const elsewhereMs = 60_000

/**
 * Asks these issuers in this order. Behind one that has failed too often, or for which there is no time left, or that this server does not
 * have, the next is asked as well; one whose time has not come yet is left alone.
 */
export async function signInOrder(
  { issuers, order, before, rule }: WhomToAsk,
  request: SigningRequest,
): Promise<Asked> {
  const tries: NewTry[] = []
  const reasons: string[] = []
  const nexts: number[] = []
  for (const name of order) {
    const issuer = issuers.find((one) => one.name === name)
    if (issuer === undefined) {
      reasons.push(`${name}: ${unknownHere}`)
      continue
    }
    const known = before.get(name)
    let last = known
    if (known === undefined || known.nextAt <= request.at) {
      const step = await stepOf(issuer, request, known)
      if ('pem' in step)
        return {
          signed: { pem: step.pem, issuer: name },
          hasFailed: false,
          isElsewhere: false,
          tries,
          nextAt: request.at,
          reasons,
        }
      tries.push({ ...step, issuer: name })
      last = step
    }
    if (last === undefined) continue
    reasons.push(`${name}: ${last.reason}`)
    nexts.push(last.nextAt)
    if (!isPassedOver(last, request.replaces, rule, request.at)) break
  }
  const isElsewhere = nexts.length === 0
  const nextAt = isElsewhere ? request.at + elsewhereMs : Math.min(...nexts)
  return { signed: null, hasFailed: tries.some((one) => !one.isWaiting), isElsewhere, tries, nextAt, reasons }
}

async function stepOf(
  issuer: Issuer,
  request: SigningRequest,
  known: IssuerTry | undefined,
): Promise<{ readonly pem: string } | Omit<NewTry, 'issuer'>> {
  const base = { firstAt: known?.firstAt ?? request.at, failures: known?.failures ?? 0 }
  try {
    const step = await readableFrom(issuer, request)
    if (step.state === 'signed') return { pem: step.pem }
    return { ...base, isWaiting: true, nextAt: step.untilMs, reason: `it waits: ${step.reason}` }
  } catch (error) {
    const failures = base.failures + 1
    const nextAt = request.at + pauseOf(request, issuer.name, failures)
    return { ...base, failures, isWaiting: false, nextAt, reason: describeError(asWaxsealError(error)) }
  }
}

/** What an issuer signed, if it is a certificate: what can be kept by nobody would be signed again for ever. */
async function readableFrom(issuer: Issuer, request: SigningRequest): Promise<SignStep> {
  const step = await issuer.sign(request)
  if (step.state === 'signed') readVersion(step.pem)
  return step
}

function pauseOf({ id, at, replaces }: SigningRequest, issuer: string, failures: number): number {
  return replaces === null
    ? pauseAfter(failures, Number.POSITIVE_INFINITY, `${id} ${issuer}`, firstSigningPace)
    : pauseAfter(failures, replaces.notAfter - at, `${id} ${issuer}`, signingPace)
}
