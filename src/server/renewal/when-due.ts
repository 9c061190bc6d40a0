import { createHash } from 'node:crypto'
import type { VersionRow } from '../store/rows.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const shortLifeMs = 10 * dayMs
const shareOfShortLife = 1 / 2
const shareOfLongLife = 2 / 3
/** Behind it there is a fifth of the lifetime for what fails, and before the least one no time to be used. */
export const shares = { least: 0.1, most: 0.8 } as const
/**
 * Renewals are spread over this part of the time until the share, before it: an issuer that fails for a third of a lifetime from
 * the moment on at which the last one is due still leaves the last hundredth.
 */
const spread = { from: 0.9, to: 0.98 } as const
/** Of the time that is left: so often is it tried again, at least. */
const shareOfRest = 1 / 50
const shortestPauseMs = 2 * minuteMs
const pauseAfterEndMs = 15 * minuteMs
/** An issuer's clock may be ahead by so much. */
const skewMs = 10 * minuteMs

/** How soon something that failed is tried again: after `firstMs`, then after twice as long, and never after more than `longestMs`. */
export interface Pace {
  readonly firstMs: number
  readonly longestMs: number
}

/** Each try makes a key on the host. */
export const renewalPace: Pace = { firstMs: 5 * minuteMs, longestMs: 6 * hourMs }
/** A try costs an issuer one request; many count them. */
export const signingPace: Pace = { firstMs: 5000, longestMs: 3 * hourMs }
/** Somebody waits for a first certificate. */
export const firstSigningPace: Pace = { firstMs: 5000, longestMs: 15 * minuteMs }
/** Each try may reload a daemon twice. */
export const deploymentPace: Pace = { firstMs: 15 * minuteMs, longestMs: dayMs }

/**
 * When a certificate is to be renewed, in milliseconds since 1970: at two thirds of its lifetime, at half of one below ten days, or
 * at `renewShare` of it, and up to a tenth of that time earlier. How much earlier its id alone decides: a fleet that was issued in
 * one hour is not renewed in one.
 */
export function dueAt(
  { certificateId, notBefore, notAfter }: Pick<VersionRow, 'certificateId' | 'notBefore' | 'notAfter'>,
  renewShare: number | null,
): number {
  const life = Math.max(0, notAfter - notBefore)
  const share = Math.min(shares.most, renewShare ?? (life < shortLifeMs ? shareOfShortLife : shareOfLongLife))
  const part = spread.from + (spread.to - spread.from) * fractionOf(certificateId)
  return Math.round(notBefore + life * share * part)
}

/**
 * The moment after which no issuer may put a renewal off: behind it there is time for an outage of a third of the lifetime, or what
 * `renewShare` leaves. In milliseconds since 1970.
 */
export function lastSafeAt(
  { notBefore, notAfter }: Pick<VersionRow, 'notBefore' | 'notAfter'>,
  renewShare: number | null,
): number {
  const share = Math.min(shares.most, renewShare ?? shareOfLongLife)
  return Math.round(notBefore + Math.max(0, notAfter - notBefore) * share * spread.to)
}

/** It was signed while a clock was ahead: no client takes it yet. */
export function isAhead({ notBefore }: Pick<VersionRow, 'notBefore'>, at: number): boolean {
  return notBefore > at + skewMs
}

/**
 * How long to wait after this many failures in a row, in milliseconds. `msLeft`: until what it is for ends; the nearer that is, the
 * shorter. `id` spreads those that failed together.
 */
export function pauseAfter(failures: number, msLeft: number, id: string, { firstMs, longestMs }: Pace): number {
  const backoff = firstMs * 2 ** Math.min(Math.max(0, failures - 1), 30)
  const byEnd = msLeft > 0 ? Math.max(shortestPauseMs, msLeft * shareOfRest) : pauseAfterEndMs
  return Math.round(Math.min(backoff, byEnd, longestMs) * (0.8 + 0.2 * fractionOf(`${id} ${failures}`)))
}

/** From 0 to 1, evenly spread over ids; the same for the same id, everywhere. */
export function fractionOf(id: string): number {
  return createHash('sha256').update(id).digest().readUIntBE(0, 6) / 2 ** 48
}
