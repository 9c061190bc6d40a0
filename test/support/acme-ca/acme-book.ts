import { randomBytes } from 'node:crypto'
import { AccountBook } from './account-book.ts'
import type { AcmeCa, AcmeCaOptions, CaAnswer, CaRequest, IssuedByCa, Trouble } from './acme-ca.ts'
import { type Answered, addressed, ok, problem } from './ca-answers.ts'
import { type CaDesk, count } from './ca-desk.ts'
import { directoryBody } from './ca-directory.ts'
import { CertificateBook, type RenewalWindow } from './certificate-book.ts'
import { OrderBook } from './order-book.ts'
import { ProofBook } from './proof-book.ts'
import type { SignedByTest, TestSigner } from './sign-certificate.ts'
import { type Jwk, type Verified, verifyJws } from './verify-jws.ts'

/** The CA behind its books: which request is for which, who signed it, and what goes wrong. */
export class AcmeBook implements AcmeCa {
  readonly rootPem: string
  readonly #desk: CaDesk
  readonly #nonces = new Set<string>()
  readonly #accounts: AccountBook
  readonly #proofs: ProofBook
  readonly #certificates: CertificateBook
  readonly #orders: OrderBook

  constructor(options: AcmeCaOptions & { readonly now: () => number }, signer: TestSigner) {
    this.rootPem = signer.rootPem
    const desk: CaDesk = { options, counts: new Map(), trouble: null }
    this.#desk = desk
    this.#accounts = new AccountBook(desk)
    this.#proofs = new ProofBook(desk, (url) => this.#accounts.keyOf(url))
    this.#certificates = new CertificateBook(desk)
    this.#orders = new OrderBook({ desk, signer, proofs: this.#proofs, certificates: this.#certificates })
  }

  get issued(): readonly IssuedByCa[] {
    return this.#certificates.issued
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#desk.counts
  }

  get accounts(): number {
    return this.#accounts.size
  }

  trouble(trouble: Trouble | null): void {
    this.#desk.trouble = trouble
  }

  suggest(certId: string, window: RenewalWindow): void {
    this.#certificates.suggest(certId, window)
  }

  revoke(serial: string): void {
    this.#certificates.revoke(serial)
  }

  forget(): void {
    for (const book of [this.#accounts, this.#orders, this.#proofs, this.#nonces]) book.clear()
  }

  async handle(base: string, { method, path, body }: CaRequest): Promise<CaAnswer | null> {
    const { trouble } = this.#desk
    if (trouble?.kind === 'down') return null
    const answer = await this.#answer(base, method, path, body)
    const nonce = randomBytes(16).toString('base64url')
    this.#nonces.add(nonce)
    return {
      status: answer.status,
      headers: { 'replay-nonce': nonce, link: `<${base}/directory>;rel="index"`, ...answer.headers },
      body: typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body),
      afterMs: trouble?.kind === 'slow' ? trouble.ms : 0,
    }
  }

  async #answer(base: string, method: string, path: string, body: string): Promise<Answered> {
    const [, what = '', id = '', part = ''] = path.split('/')
    count(this.#desk, what)
    const { trouble } = this.#desk
    if (trouble?.kind === 'status') return failed(trouble.status, trouble.retryAfterS)
    if (what === 'directory') return ok(directoryBody(this.#desk, base))
    if (what === 'newNonce') return ok('')
    if (what === 'renewalInfo') return this.#certificates.renewalInfo(id)
    if (method !== 'POST') return problem({ type: 'malformed', detail: 'POST is wanted', status: 405 })
    const request = verified(body, (kid) => this.#accounts.keyOf(kid))
    if (request === null) return unverified(body)
    if (!this.#nonces.delete(request.nonce) || this.#refusesNonce()) {
      return problem({ type: 'badNonce', detail: 'this nonce is not known', status: 400 })
    }
    if (request.url !== `${base}${path}`)
      return problem({ type: 'unauthorized', detail: 'it was signed for another URL' })
    if (what === 'newAccount') return this.#accounts.open(base, request)
    if (request.kid === null) return problem({ type: 'malformed', detail: 'the account is to sign' })
    return this.#forAccount(base, what, id, part, request.kid, request.payload)
  }

  async #forAccount(
    base: string,
    what: string,
    id: string,
    part: string,
    account: string,
    payload: Record<string, unknown> | null,
  ): Promise<Answered> {
    if (what === 'newOrder') return this.#orders.place(base, account, payload ?? {})
    if (what === 'revokeCert') return this.#certificates.revokeCert(payload ?? {})
    const order = this.#orders.byId(id)
    const proof = this.#proofs.byId(id)
    if (order?.account === account) {
      if (what === 'order') return addressed(this.#orders.body(base, order), `${base}/order/${id}`)
      if (what === 'finalize') return this.#orders.finalize(base, order, payload ?? {})
      if (what === 'certificate' && order.signed !== null) return pemOf(order.signed, `${base}/certificate/${id}/other`)
    }
    if (proof?.account === account) {
      if (what === 'authorization') return ok(this.#proofs.body(base, proof))
      if (what === 'challenge') return this.#proofs.challenge(base, proof, part, payload)
    }
    return problem({ type: 'malformed', detail: 'there is no such thing', status: 404 })
  }

  #refusesNonce(): boolean {
    const { trouble } = this.#desk
    if (trouble?.kind !== 'badNonce' || trouble.times <= 0) return false
    this.#desk.trouble = { kind: 'badNonce', times: trouble.times - 1 }
    return true
  }
}

function verified(body: string, keyOf: (kid: string) => Jwk | null): Verified | null {
  try {
    return verifyJws(JSON.parse(body), keyOf)
  } catch {
    return null
  }
}

function unverified(body: string): Answered {
  const isOfNobody = /"kid"/.test(Buffer.from(protectedOf(body), 'base64url').toString('utf8'))
  const type = isOfNobody ? 'accountDoesNotExist' : 'malformed'
  return problem({ type, detail: 'this signature is of nobody who is known' })
}

function protectedOf(body: string): string {
  try {
    return String((JSON.parse(body) as { readonly protected?: string }).protected)
  } catch {
    return ''
  }
}

function failed(status: number, retryAfterS: number | undefined): Answered {
  const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
  return { status, headers: { 'content-type': 'text/html', ...headers }, body: '<h1>out of order</h1>' }
}

function pemOf({ pem }: SignedByTest, other: string): Answered {
  return {
    status: 200,
    headers: { 'content-type': 'application/pem-certificate-chain', link: `<${other}>;rel="alternate"` },
    body: pem,
  }
}
