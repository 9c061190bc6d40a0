import { randomBytes } from 'node:crypto'
import type {
  AcmeCa,
  AcmeCaOptions,
  CaAnswer,
  CaProblem,
  CaRequest,
  IssuedByCa,
  LookedFor,
  Trouble,
} from './acme-ca.ts'
import { type Answered, addressed, created, ok, problem } from './ca-answers.ts'
import type { SignedByTest, TestSigner } from './sign-certificate.ts'
import { isBound, type Jwk, thumbprint, type Verified, verifyJws } from './verify-jws.ts'

interface Order {
  readonly id: string
  readonly account: string
  readonly names: readonly string[]
  readonly profile: string
  readonly replaces: string | null
  readonly proofs: readonly string[]
  /** Looks at it that still say `processing`. */
  looks: number
  csr: Buffer | null
  signed: SignedByTest | null
  problem: CaProblem | null
}

interface Proof {
  readonly id: string
  readonly account: string
  readonly name: string
  readonly token: string
  readonly until: number
  state: 'pending' | 'valid' | 'invalid'
  /** Which was answered. */
  by: LookedFor['type'] | null
  problem: CaProblem | null
}

type Issued = { -readonly [Key in keyof IssuedByCa]: IssuedByCa[Key] } & { readonly der: Buffer }

const usualLives: Readonly<Record<string, number>> = { default: 90 * 86_400_000 }

/** The CA's books: accounts, orders, proofs, certificates. */
export class AcmeBook implements AcmeCa {
  readonly rootPem: string
  readonly issued: Issued[] = []
  readonly counts = new Map<string, number>()
  readonly #options: AcmeCaOptions & { readonly now: () => number }
  readonly #signer: TestSigner
  readonly #nonces = new Set<string>()
  readonly #accounts = new Map<string, Jwk>()
  readonly #orders = new Map<string, Order>()
  readonly #proofs = new Map<string, Proof>()
  readonly #windows = new Map<string, { readonly start: number; readonly end: number; readonly explanation?: string }>()
  /** When orders were placed, by their set of names. */
  readonly #placed = new Map<string, number[]>()
  #trouble: Trouble | null = null

  constructor(options: AcmeCaOptions & { readonly now: () => number }, signer: TestSigner) {
    this.#options = options
    this.#signer = signer
    this.rootPem = signer.rootPem
  }

  get accounts(): number {
    return this.#accounts.size
  }

  trouble(trouble: Trouble | null): void {
    this.#trouble = trouble
  }

  suggest(
    certId: string,
    window: { readonly start: number; readonly end: number; readonly explanation?: string },
  ): void {
    this.#windows.set(certId, window)
  }

  revoke(serial: string): void {
    for (const one of this.issued) if (one.serial === serial) one.revokedAt ??= this.#options.now()
  }

  forget(): void {
    for (const map of [this.#accounts, this.#orders, this.#proofs]) map.clear()
    this.#nonces.clear()
  }

  async handle(base: string, { method, path, body }: CaRequest): Promise<CaAnswer | null> {
    const trouble = this.#trouble
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
    this.#count(what)
    const trouble = this.#trouble
    if (trouble?.kind === 'status') return failed(trouble.status, trouble.retryAfterS)
    if (what === 'directory') return ok(this.#directory(base))
    if (what === 'newNonce') return ok('')
    if (what === 'renewalInfo') return this.#renewalInfo(id)
    if (method !== 'POST') return problem({ type: 'malformed', detail: 'POST is wanted', status: 405 })
    const request = verified(body, (kid) => this.#accounts.get(kid) ?? null)
    if (request === null) return this.#unverified(body)
    if (!this.#nonces.delete(request.nonce) || this.#refusesNonce()) {
      return problem({ type: 'badNonce', detail: 'this nonce is not known', status: 400 })
    }
    if (request.url !== `${base}${path}`)
      return problem({ type: 'unauthorized', detail: 'it was signed for another URL' })
    if (what === 'newAccount') return this.#newAccount(base, request)
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
    if (what === 'newOrder') return this.#newOrder(base, account, payload ?? {})
    if (what === 'revokeCert') return this.#revokeCert(payload ?? {})
    const order = this.#orders.get(id)
    const proof = this.#proofs.get(id)
    if (order?.account === account) {
      if (what === 'order') return addressed(this.#orderBody(base, order), `${base}/order/${id}`)
      if (what === 'finalize') return this.#finalize(base, order, payload ?? {})
      if (what === 'certificate' && order.signed !== null) return pemOf(order.signed, `${base}/certificate/${id}/other`)
    }
    if (proof?.account === account) {
      if (what === 'authorization') return ok(this.#proofBody(base, proof))
      if (what === 'challenge') return this.#challenge(base, proof, part, payload)
    }
    return problem({ type: 'malformed', detail: 'there is no such thing', status: 404 })
  }

  #directory(base: string): object {
    const { lives = usualLives, externalAccounts, saysRenewal = true, hasTerms = true } = this.#options
    const names = Object.keys(lives).filter((name) => name !== 'default')
    return {
      newNonce: `${base}/newNonce`,
      newAccount: `${base}/newAccount`,
      newOrder: `${base}/newOrder`,
      revokeCert: `${base}/revokeCert`,
      keyChange: `${base}/keyChange`,
      ...(saysRenewal ? { renewalInfo: `${base}/renewalInfo` } : {}),
      meta: {
        caaIdentities: ['ca.example'],
        ...(hasTerms ? { termsOfService: `${base}/terms` } : {}),
        ...(externalAccounts === undefined ? {} : { externalAccountRequired: true }),
        ...(names.length === 0
          ? {}
          : { profiles: Object.fromEntries(names.map((name) => [name, `${base}/profile/${name}`])) }),
      },
    }
  }

  #newAccount(base: string, { jwk, payload, url }: Verified): Answered {
    const { externalAccounts, hasTerms = true } = this.#options
    const at = `${base}/account/${thumbprint(jwk)}`
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

  #newOrder(base: string, account: string, payload: Record<string, unknown>): Answered {
    const { lives = usualLives, refuse, now } = this.#options
    const trouble = this.#trouble
    const identifiers = payload['identifiers'] as readonly { readonly value: string }[]
    const names = identifiers.map(({ value }) => value.toLowerCase())
    const profile = (payload['profile'] as string | undefined) ?? 'default'
    const replaces = (payload['replaces'] as string | undefined) ?? null
    if (lives[profile] === undefined) return problem({ type: 'invalidProfile', detail: 'no such profile' })
    if (trouble?.kind === 'refuses' && trouble.at === 'order') return problem(trouble.problem)
    const refused = refuse?.(names, account) ?? this.#refusesReplacing(replaces, names) ?? null
    if (refused !== null) return problem(refused)
    const full = replaces === null ? this.#overLimit(names) : null
    if (full !== null) return problem(full)
    const order: Order = {
      id: randomBytes(8).toString('hex'),
      account,
      names,
      profile,
      replaces,
      proofs: names.map((name) => this.#proofOf(account, name, now())),
      looks: trouble?.kind === 'processing' ? trouble.looks : 0,
      csr: null,
      signed: null,
      problem: null,
    }
    this.#orders.set(order.id, order)
    return created(this.#orderBody(base, order), `${base}/order/${order.id}`)
  }

  /** As Let's Encrypt does it: the certificate must be known, share a name, and not be replaced yet. */
  #refusesReplacing(replaces: string | null, names: readonly string[]): CaProblem | null {
    if (replaces === null) return null
    const replaced = this.issued.find(({ certId }) => certId === replaces)
    if (replaced === undefined) return { type: 'malformed', detail: 'no such certificate', status: 404 }
    if (!replaced.names.some((name) => names.includes(name))) return { type: 'malformed', detail: 'it shares no name' }
    const isReplaced = this.issued.some((one) => one.replaces === replaces)
    return isReplaced ? { type: 'alreadyReplaced', detail: 'another order has replaced it', status: 409 } : null
  }

  #overLimit(names: readonly string[]): CaProblem | null {
    const { limit, now } = this.#options
    const set = names.toSorted().join(' ')
    const times = (this.#placed.get(set) ?? []).filter((at) => limit === undefined || at > now() - limit.inMs)
    if (limit !== undefined && times.length >= limit.orders) {
      this.#count('refusedByLimit')
      const retryAfterS = Math.ceil(((times[0] ?? 0) + limit.inMs - now()) / 1000)
      return { type: 'rateLimited', detail: 'too many orders for these names', status: 429, retryAfterS }
    }
    this.#placed.set(set, [...times, now()])
    return null
  }

  /** One that is valid is used again. */
  #proofOf(account: string, name: string, at: number): string {
    const before = [...this.#proofs.values()].find(
      (one) => one.account === account && one.name === name && one.state === 'valid' && one.until > at,
    )
    if (before !== undefined) return before.id
    const { proofLivesMs = 30 * 86_400_000 } = this.#options
    const proof: Proof = {
      id: randomBytes(8).toString('hex'),
      account,
      name,
      token: randomBytes(32).toString('base64url'),
      until: at + proofLivesMs,
      state: 'pending',
      by: null,
      problem: null,
    }
    this.#proofs.set(proof.id, proof)
    return proof.id
  }

  #statusOf(order: Order): string {
    if (order.problem !== null) return 'invalid'
    if (order.signed !== null) return order.looks > 0 ? 'processing' : 'valid'
    const states = order.proofs.map((id) => this.#proofs.get(id)?.state)
    if (states.includes('invalid')) return 'invalid'
    return states.every((state) => state === 'valid') ? 'ready' : 'pending'
  }

  #orderBody(base: string, order: Order): object {
    const status = this.#statusOf(order)
    if (status === 'processing') order.looks -= 1
    const problemOfProof = order.proofs.map((id) => this.#proofs.get(id)?.problem).find((one) => one != null)
    const error = order.problem ?? problemOfProof ?? null
    return {
      status,
      expires: new Date(this.#options.now() + 7 * 86_400_000).toISOString(),
      identifiers: order.names.map((value) => ({ type: 'dns', value })),
      authorizations: order.proofs.map((id) => `${base}/authorization/${id}`),
      finalize: `${base}/finalize/${order.id}`,
      ...(status === 'valid' ? { certificate: `${base}/certificate/${order.id}` } : {}),
      ...(error === null ? {} : { error: problem(error).body }),
    }
  }

  #proofBody(base: string, proof: Proof): object {
    const isWildcard = proof.name.startsWith('*.')
    const types = isWildcard ? ['dns-01'] : ['http-01', 'dns-01', 'tls-alpn-01']
    return {
      status: proof.state,
      expires: new Date(proof.until).toISOString(),
      identifier: { type: 'dns', value: proof.name.replace(/^\*\./, '') },
      ...(isWildcard ? { wildcard: true } : {}),
      challenges: types.map((type) => this.#challengeBody(base, proof, type)),
    }
  }

  #challengeBody(base: string, proof: Proof, type: string): object {
    const isAnswered = proof.by === type
    return {
      type,
      url: `${base}/challenge/${proof.id}/${type}`,
      status: isAnswered ? proof.state : 'pending',
      token: proof.token,
      ...(isAnswered && proof.problem !== null ? { error: problem(proof.problem).body } : {}),
    }
  }

  async #challenge(base: string, proof: Proof, type: string, payload: object | null): Promise<Answered> {
    if (payload !== null && proof.state === 'pending') {
      proof.by = type as LookedFor['type']
      const jwk = this.#accounts.get(proof.account)
      const keyAuthorization = `${proof.token}.${jwk === undefined ? '' : thumbprint(jwk)}`
      const name = proof.name.replace(/^\*\./, '')
      proof.problem =
        (await this.#options.look?.({ type: proof.by, name, token: proof.token, keyAuthorization })) ?? null
      proof.state = proof.problem === null ? 'valid' : 'invalid'
    }
    return ok(this.#challengeBody(base, proof, type))
  }

  async #finalize(base: string, order: Order, payload: Record<string, unknown>): Promise<Answered> {
    const { lives = usualLives, now } = this.#options
    const trouble = this.#trouble
    if (trouble?.kind === 'refuses' && trouble.at === 'finalize') return problem(trouble.problem)
    if (this.#statusOf(order) !== 'ready') return problem({ type: 'orderNotReady', detail: 'not yet', status: 403 })
    const csr = Buffer.from(String(payload['csr']), 'base64url')
    const names: readonly string[] = await this.#signer.namesOf(csr).catch(() => [])
    if (names.toSorted().join(' ') !== order.names.toSorted().join(' '))
      return problem({ type: 'badCSR', detail: 'other names' })
    const from = now() - 60_000
    const to = now() + (lives[order.profile] ?? 0)
    order.signed = await this.#signer.sign(csr, order.names, from, to)
    const { pem, serial, certId, der } = order.signed
    const { profile, replaces } = order
    this.issued.push({ names: order.names, profile, serial, certId, pem, der, from, to, replaces, revokedAt: null })
    return addressed(this.#orderBody(base, order), `${base}/order/${order.id}`)
  }

  #revokeCert(payload: Record<string, unknown>): Answered {
    const der = Buffer.from(String(payload['certificate']), 'base64url')
    const one = this.issued.find((issued) => issued.der.equals(der))
    if (one === undefined) return problem({ type: 'malformed', detail: 'no such certificate', status: 404 })
    if (one.revokedAt !== null) return problem({ type: 'alreadyRevoked', detail: 'it is revoked' })
    one.revokedAt = this.#options.now()
    return ok('')
  }

  #renewalInfo(certId: string): Answered {
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

  #unverified(body: string): Answered {
    const isOfNobody = /"kid"/.test(Buffer.from(protectedOf(body), 'base64url').toString('utf8'))
    const type = isOfNobody ? 'accountDoesNotExist' : 'malformed'
    return problem({ type, detail: 'this signature is of nobody who is known' })
  }

  #refusesNonce(): boolean {
    const trouble = this.#trouble
    if (trouble?.kind !== 'badNonce' || trouble.times <= 0) return false
    this.#trouble = { kind: 'badNonce', times: trouble.times - 1 }
    return true
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}

function verified(body: string, keyOf: (kid: string) => Jwk | null): Verified | null {
  try {
    return verifyJws(JSON.parse(body), keyOf)
  } catch {
    return null
  }
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
