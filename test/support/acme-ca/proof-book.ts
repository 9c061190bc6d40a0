import { randomBytes } from 'node:crypto'
import type { CaProblem, LookedFor } from './acme-ca.ts'
import { type Answered, ok, problem } from './ca-answers.ts'
import type { CaDesk } from './ca-desk.ts'
import { type Jwk, thumbprint } from './verify-jws.ts'

/** An authorization: of one name, for one account. */
export interface Proof {
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

/** Which names were proven by whom, and the challenges. */
export class ProofBook {
  readonly #desk: CaDesk
  readonly #keyOf: (account: string) => Jwk | null
  readonly #proofs = new Map<string, Proof>()

  constructor(desk: CaDesk, keyOf: (account: string) => Jwk | null) {
    this.#desk = desk
    this.#keyOf = keyOf
  }

  clear(): void {
    this.#proofs.clear()
  }

  byId(id: string): Proof | null {
    return this.#proofs.get(id) ?? null
  }

  /** The id of the proof of a name. One that is valid is used again. */
  idFor(account: string, name: string): string {
    const { proofLivesMs = 30 * 86_400_000, now } = this.#desk.options
    const at = now()
    const before = [...this.#proofs.values()].find(
      (one) => one.account === account && one.name === name && one.state === 'valid' && one.until > at,
    )
    if (before !== undefined) return before.id
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

  body(base: string, proof: Proof): object {
    const isWildcard = proof.name.startsWith('*.')
    const types = isWildcard ? ['dns-01'] : ['http-01', 'dns-01', 'tls-alpn-01']
    return {
      status: proof.state,
      expires: new Date(proof.until).toISOString(),
      identifier: { type: 'dns', value: proof.name.replace(/^\*\./, '') },
      ...(isWildcard ? { wildcard: true } : {}),
      challenges: types.map((type) => challengeBody(base, proof, type)),
    }
  }

  /** With a payload the CA looks for the answer; without one it says how the challenge stands. */
  async challenge(base: string, proof: Proof, type: string, payload: object | null): Promise<Answered> {
    if (payload !== null && proof.state === 'pending') {
      proof.by = type as LookedFor['type']
      const jwk = this.#keyOf(proof.account)
      const keyAuthorization = `${proof.token}.${jwk === null ? '' : thumbprint(jwk)}`
      const name = proof.name.replace(/^\*\./, '')
      const looked = { type: proof.by, name, token: proof.token, keyAuthorization }
      const { look, looksAgain = false } = this.#desk.options
      proof.problem = (await look?.(looked)) ?? null
      const failed = looksAgain ? 'pending' : 'invalid'
      proof.state = proof.problem === null ? 'valid' : failed
    }
    return ok(challengeBody(base, proof, type))
  }
}

function challengeBody(base: string, proof: Proof, type: string): object {
  const isAnswered = proof.by === type
  return {
    type,
    url: `${base}/challenge/${proof.id}/${type}`,
    status: isAnswered ? proof.state : 'pending',
    token: proof.token,
    ...(isAnswered && proof.problem !== null ? { error: problem(proof.problem).body } : {}),
  }
}
