import type { Issuer, RenewalInfo, SigningRequest } from '../../src/server/issuer/issuer.ts'
import type { VersionRow } from '../../src/server/store/rows.ts'
import { quickIssuer } from './quick-issuer.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** What a CA gives to one account at most. */
export interface StrictLimits {
  readonly orders: { readonly most: number; readonly perMs: number }
  readonly sameNames: { readonly most: number; readonly perMs: number }
}

/**
 * A CA in this process that obeys the rules of a public one: an order waits for the proof of its names, orders and certificates are
 * counted, each version has a window, and it may revoke. Its issuer does as the one for ACME does: it counts before it asks. For
 * simulations of years, in which each request of the real one would be some milliseconds; test/integration/server has the real one, too.
 */
export interface StrictCa {
  readonly issuer: Issuer
  /** Orders that it would have refused by its limits: an issuer that counts places none. */
  readonly aboveLimits: number
  readonly orders: number
  readonly asks: number
  /** Has all that it signed until now replaced within this time, and revokes it then. */
  revokeAll(at: number, withinMs: number): void
  /** Whether it has revoked the certificate with this serial. */
  isRevoked(serial: string, at: number): boolean
}

interface Signed {
  readonly from: number
  revokedFrom: number | null
  revokedAt: number | null
}

/** Opens one. `isDown`: nothing is answered at that time; `now`: the time of the simulation. */
export async function openStrictCa(
  name: string,
  { now, isDown, limits }: { now: () => number; isDown: (at: number) => boolean; limits: StrictLimits },
): Promise<StrictCa> {
  const quick = await quickIssuer(name, isDown)
  const open = new Map<string, number>()
  const placed: number[] = []
  const ofNames = new Map<string, number[]>()
  const signed = new Map<string, Signed>()
  const counts = { aboveLimits: 0, orders: 0, asks: 0 }

  const freeAt = (times: readonly number[], { most, perMs }: StrictLimits['orders'], at: number): number => {
    const oldest = times.at(-most)
    return oldest === undefined || oldest <= at - perMs ? at : oldest + perMs
  }
  /** Such that replace a certificate count for nothing by their names, as at Let's Encrypt. */
  const namesOf = ({ names, replaces }: SigningRequest): number[] => {
    if (replaces?.issuer === name) return []
    const set = names.toSorted().join(' ')
    const times = ofNames.get(set) ?? []
    ofNames.set(set, times)
    return times
  }
  const place = (request: SigningRequest): void => {
    const times = namesOf(request)
    const isAbove =
      freeAt(placed, limits.orders, request.at) > request.at || freeAt(times, limits.sameNames, request.at) > request.at
    if (isAbove) counts.aboveLimits += 1
    counts.orders += 1
    placed.push(request.at)
    times.push(request.at)
    open.set(request.id, request.at + 2 * minuteMs)
  }
  const sign: Issuer['sign'] = async (request) => {
    const { id, at } = request
    const provenAt = open.get(id)
    if (provenAt === undefined) {
      const untilMs = Math.max(freeAt(placed, limits.orders, at), freeAt(namesOf(request), limits.sameNames, at))
      if (untilMs > at) return { state: 'waits', untilMs, reason: 'its limits' }
      if (isDown(at)) throw new Error(`${name} is down`)
      place(request)
      return { state: 'waits', untilMs: at + 2 * minuteMs, reason: 'for the proof' }
    }
    if (provenAt > at) return { state: 'waits', untilMs: provenAt, reason: 'for the proof' }
    return quick.sign(request)
  }
  const renewalInfo = async ({ serial, notBefore, notAfter }: VersionRow): Promise<RenewalInfo> => {
    if (isDown(now())) throw new Error(`${name} is down`)
    counts.asks += 1
    const life = notAfter - notBefore
    const one = signed.get(serial) ?? { from: notBefore, revokedFrom: null, revokedAt: null }
    signed.set(serial, one)
    const window =
      one.revokedFrom === null || one.revokedAt === null
        ? { start: Math.round(notBefore + life * 0.49), end: Math.round(notBefore + life * 0.51) }
        : { start: one.revokedFrom, end: one.revokedAt }
    return { ...window, askAgainMs: dayMs / 2, explanation: null }
  }
  return {
    issuer: { name, sign, renewalInfo },
    get aboveLimits() {
      return counts.aboveLimits
    },
    get orders() {
      return counts.orders
    },
    get asks() {
      return counts.asks
    },
    revokeAll: (at, withinMs) => {
      for (const one of signed.values())
        if (one.revokedFrom === null) Object.assign(one, { revokedFrom: at, revokedAt: at + withinMs })
    },
    isRevoked: (serial, at) => (signed.get(serial)?.revokedAt ?? Number.POSITIVE_INFINITY) <= at,
  }
}
