import type { CaProblem, IssuedByCa } from './acme-ca.ts'
import { type Answered, ok, problem } from './ca-answers.ts'
import type { CaDesk } from './ca-desk.ts'

type Issued = { -readonly [Key in keyof IssuedByCa]: IssuedByCa[Key] } & { readonly der: Buffer }

/** When a certificate is to be renewed. Milliseconds since 1970. */
export interface RenewalWindow {
  readonly start: number
  readonly end: number
  readonly explanation?: string
}

/** What was signed, what was revoked of it, and when it is to be renewed (RFC 9773). */
export class CertificateBook {
  readonly issued: Issued[] = []
  readonly #desk: CaDesk
  readonly #windows = new Map<string, RenewalWindow>()

  constructor(desk: CaDesk) {
    this.#desk = desk
  }

  suggest(certId: string, window: RenewalWindow): void {
    this.#windows.set(certId, window)
  }

  /** By the CA itself. */
  revoke(serial: string): void {
    for (const one of this.issued) if (one.serial === serial) one.revokedAt ??= this.#desk.options.now()
  }

  /** By a customer. */
  revokeCert(payload: Record<string, unknown>): Answered {
    const der = Buffer.from(String(payload['certificate']), 'base64url')
    const one = this.issued.find((issued) => issued.der.equals(der))
    if (one === undefined) return problem({ type: 'malformed', detail: 'no such certificate', status: 404 })
    if (one.revokedAt !== null) return problem({ type: 'alreadyRevoked', detail: 'it is revoked' })
    one.revokedAt = this.#desk.options.now()
    return ok('')
  }

  /** As Let's Encrypt does it: the certificate must be known, share a name, and not be replaced yet. */
  refusesReplacing(replaces: string | null, names: readonly string[]): CaProblem | null {
    if (replaces === null) return null
    const replaced = this.issued.find(({ certId }) => certId === replaces)
    if (replaced === undefined) return { type: 'malformed', detail: 'no such certificate', status: 404 }
    if (!replaced.names.some((name) => names.includes(name))) return { type: 'malformed', detail: 'it shares no name' }
    const isReplaced = this.issued.some((one) => one.replaces === replaces)
    return isReplaced ? { type: 'alreadyReplaced', detail: 'another order has replaced it', status: 409 } : null
  }

  renewalInfo(certId: string): Answered {
    const one = this.issued.find((issued) => issued.certId === certId)
    if (one === undefined) return problem({ type: 'malformed', detail: 'no such certificate', status: 404 })
    const third = (one.to - one.from) / 3
    const usual = { start: one.to - third, end: one.to - third + third / 10 }
    const over = one.revokedAt === null ? null : { start: one.revokedAt - 2000, end: one.revokedAt - 1000 }
    const window = this.#windows.get(certId) ?? over ?? usual
    const suggestedWindow = { start: new Date(window.start).toISOString(), end: new Date(window.end).toISOString() }
    const explanation = this.#windows.get(certId)?.explanation
    const body = { suggestedWindow, ...(explanation === undefined ? {} : { explanationURL: explanation }) }
    return { status: 200, headers: { 'content-type': 'application/json', 'retry-after': '21600' }, body }
  }
}
