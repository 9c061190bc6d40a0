import { randomBytes } from 'node:crypto'
import type { CaProblem } from './acme-ca.ts'
import { type Answered, addressed, created, problem } from './ca-answers.ts'
import { type CaDesk, count, livesOf } from './ca-desk.ts'
import type { CertificateBook } from './certificate-book.ts'
import type { ProofBook } from './proof-book.ts'
import type { SignedByTest, TestSigner } from './sign-certificate.ts'

/** What was ordered, and how far it is. */
export interface Order {
  readonly id: string
  readonly account: string
  readonly names: readonly string[]
  readonly profile: string
  readonly replaces: string | null
  readonly proofs: readonly string[]
  /** Looks at it that still say `processing`. */
  looks: number
  signed: SignedByTest | null
}

/** What an order stands on. */
export interface OrderParts {
  readonly desk: CaDesk
  readonly signer: TestSigner
  readonly proofs: ProofBook
  readonly certificates: CertificateBook
}

/** Orders, from their placing to their certificate, and how many there may be. */
export class OrderBook {
  readonly #parts: OrderParts
  readonly #orders = new Map<string, Order>()
  /** When orders were placed, by their set of names. */
  readonly #placed = new Map<string, number[]>()

  constructor(parts: OrderParts) {
    this.#parts = parts
  }

  clear(): void {
    this.#orders.clear()
  }

  byId(id: string): Order | null {
    return this.#orders.get(id) ?? null
  }

  place(base: string, account: string, payload: Record<string, unknown>): Answered {
    const { desk, proofs, certificates } = this.#parts
    const { trouble } = desk
    const identifiers = payload['identifiers'] as readonly { readonly value: string }[]
    const names = identifiers.map(({ value }) => value.toLowerCase())
    const profile = (payload['profile'] as string | undefined) ?? 'default'
    const replaces = (payload['replaces'] as string | undefined) ?? null
    if (livesOf(desk)[profile] === undefined) return problem({ type: 'invalidProfile', detail: 'no such profile' })
    const refusedAt = replaces === null ? ['order'] : ['order', 'replacing']
    if (trouble?.kind === 'refuses' && refusedAt.includes(trouble.at)) return problem(trouble.problem)
    const refused = desk.options.refuse?.(names, account) ?? certificates.refusesReplacing(replaces, names)
    if (refused !== null) return problem(refused)
    const full = replaces === null ? this.#overLimit(names) : null
    if (full !== null) return problem(full)
    const order: Order = {
      id: randomBytes(8).toString('hex'),
      account,
      names,
      profile,
      replaces,
      proofs: names.map((name) => proofs.idFor(account, name)),
      looks: trouble?.kind === 'processing' ? trouble.looks : 0,
      signed: null,
    }
    this.#orders.set(order.id, order)
    if (trouble?.kind === 'losesOrders') return { status: 504, headers: {}, body: '' }
    return created(this.body(base, order), `${base}/order/${order.id}`)
  }

  body(base: string, order: Order): object {
    const { desk, proofs } = this.#parts
    const status = this.#statusOf(order)
    if (status === 'processing') order.looks -= 1
    const error = order.proofs.map((id) => proofs.byId(id)?.problem).find((one) => one != null) ?? null
    return {
      status,
      expires: new Date(desk.options.now() + 7 * 86_400_000).toISOString(),
      identifiers: order.names.map((value) => ({ type: 'dns', value })),
      authorizations: order.proofs.map((id) => `${base}/authorization/${id}`),
      finalize: `${base}/finalize/${order.id}`,
      ...(status === 'valid' ? { certificate: `${base}/certificate/${order.id}` } : {}),
      ...(error === null ? {} : { error: problem(error).body }),
    }
  }

  async finalize(base: string, order: Order, payload: Record<string, unknown>): Promise<Answered> {
    const { desk, signer, certificates } = this.#parts
    const { trouble } = desk
    if (trouble?.kind === 'refuses' && trouble.at === 'finalize') return problem(trouble.problem)
    if (this.#statusOf(order) !== 'ready') return problem({ type: 'orderNotReady', detail: 'not yet', status: 403 })
    const csr = Buffer.from(String(payload['csr']), 'base64url')
    const names: readonly string[] = await signer.namesOf(csr).catch(() => [])
    if (names.toSorted().join(' ') !== order.names.toSorted().join(' '))
      return problem({ type: 'badCSR', detail: 'other names' })
    const now = desk.options.now()
    const [from, to] = [now - 60_000, now + (livesOf(desk)[order.profile] ?? 0)]
    order.signed = await signer.sign(csr, trouble?.kind === 'signs' ? trouble.names : order.names, from, to)
    const { profile, replaces, signed } = order
    certificates.issued.push({ ...signed, names: order.names, profile, from, to, replaces, revokedAt: null })
    return addressed(this.body(base, order), `${base}/order/${order.id}`)
  }

  #statusOf({ signed, looks, proofs }: Order): string {
    if (signed !== null) return looks > 0 ? 'processing' : 'valid'
    const states = proofs.map((id) => this.#parts.proofs.byId(id)?.state)
    if (states.includes('invalid')) return 'invalid'
    return states.every((state) => state === 'valid') ? 'ready' : 'pending'
  }

  #overLimit(names: readonly string[]): CaProblem | null {
    const { desk } = this.#parts
    const { limit, now } = desk.options
    const set = names.toSorted().join(' ')
    const times = (this.#placed.get(set) ?? []).filter((at) => limit === undefined || at > now() - limit.inMs)
    if (limit !== undefined && times.length >= limit.orders) {
      count(desk, 'refusedByLimit')
      const retryAfterS = Math.ceil(((times[0] ?? 0) + limit.inMs - now()) / 1000)
      return { type: 'rateLimited', detail: 'too many orders for these names', status: 429, retryAfterS }
    }
    this.#placed.set(set, [...times, now()])
    return null
  }
}
