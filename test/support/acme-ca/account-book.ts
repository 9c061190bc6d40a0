import { type Answered, addressed, created, problem } from './ca-answers.ts'
import type { CaDesk } from './ca-desk.ts'
import { isBound, type Jwk, thumbprint, type Verified } from './verify-jws.ts'

/** Who may order: keys by the URL of their account. */
export class AccountBook {
  readonly #desk: CaDesk
  readonly #accounts = new Map<string, Jwk>()

  constructor(desk: CaDesk) {
    this.#desk = desk
  }

  get size(): number {
    return this.#accounts.size
  }

  keyOf(url: string): Jwk | null {
    return this.#accounts.get(url) ?? null
  }

  clear(): void {
    this.#accounts.clear()
  }

  /** A new account, or the one that the key has already. */
  open(base: string, { jwk, payload, url }: Verified): Answered {
    const { externalAccounts, hasTerms = true, bindsLookUps = false } = this.#desk.options
    const at = `${base}/account/${thumbprint(jwk)}`
    if (bindsLookUps && payload?.['externalAccountBinding'] === undefined)
      return problem({ type: 'externalAccountRequired', detail: 'whose account is it?' })
    if (this.#accounts.has(at)) return addressed({ status: 'valid' }, at)
    if (payload?.['onlyReturnExisting'] === true)
      return problem({ type: 'accountDoesNotExist', detail: 'no account has this key' })
    if (hasTerms && payload?.['termsOfServiceAgreed'] !== true)
      return problem({ type: 'userActionRequired', detail: 'the terms' })
    if (externalAccounts !== undefined) {
      const binding = payload?.['externalAccountBinding']
      if (binding === undefined) return problem({ type: 'externalAccountRequired', detail: 'whose account is it?' })
      if (!isBound(binding, jwk, url, externalAccounts))
        return problem({ type: 'unauthorized', detail: 'it is not bound' })
    }
    this.#accounts.set(at, jwk)
    return created({ status: 'valid' }, at)
  }
}
