import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type AcmeKey, keyAuthorizationOf } from '../../acme/acme-key.ts'
import { certIdOf } from '../../acme/renewal-info.ts'
import type { OwnRenewal } from '../../config/acme-policy.ts'
import type { OwnRenewalJob } from '../../documents/job.ts'
import type { DueRenewal, RenewalAnswers, RenewalAsk } from '../../documents/own-renewal.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { readPem } from '../../material/read-pem.ts'
import type { ChallengeAnswers } from '../challenge/challenge-answers.ts'
import type { Engine } from '../engine.ts'
import type { JobStore } from '../work/job-store.ts'
import { openAccountKey } from './account-key.ts'
import { dueRenewals, type OwnDue } from './due-renewals.ts'
import { isStillGood, isTimeToTry, type ObtainedCertificate, type ObtainedCertificates } from './obtained.ts'
import { type OrderLog, openOrderLog, sameNames } from './order-log.ts'
import { OrderRounds } from './order-rounds.ts'
import { type AcmeIntent, readRequest, refused } from './read-request.ts'
import { requireVoucher } from './require-voucher.ts'

/** What renewing by this host itself needs of the deployer. */
export interface OwnParts {
  readonly engine: Pick<Engine, 'records' | 'archive' | 'policy' | 'clock' | 'trustedRoots'>
  readonly store: Pick<JobStore, 'take' | 'pending'>
  readonly challenges: Pick<ChallengeAnswers, 'put'>
  readonly obtained: ObtainedCertificates
  readonly stateDir: string
  /** Reads policy anew: what was withdrawn is in force for nobody. */
  readonly onBatch: () => Promise<void>
  /** There is a deployment to be done. */
  readonly onTaken: () => void
}

const mostDue = 20
/** A CA looks within minutes. */
const answerMs = 15 * 60_000

/**
 * The deployer's side of a renewal without a control plane (policy.acme.own): it holds the account's key and the certificate's, and signs
 * for the courier what a renewal of a certificate needs that is due, and nothing else.
 */
export class OwnRenewals {
  readonly #parts: OwnParts
  readonly #orders: OrderLog
  readonly #obtained: ObtainedCertificates
  readonly #rounds = new OrderRounds()
  #key: Promise<AcmeKey> | null = null

  private constructor(parts: OwnParts, orders: OrderLog) {
    this.#parts = parts
    this.#orders = orders
    this.#obtained = parts.obtained
  }

  static async open(parts: OwnParts): Promise<OwnRenewals> {
    const { stateDir, engine } = parts
    const orders = await openOrderLog(join(stateDir, 'own-orders'), engine.clock)
    return new OwnRenewals(parts, orders)
  }

  /** Rejects with a coded error. */
  async answer(ask: RenewalAsk): Promise<RenewalAnswers[RenewalAsk['ask']]> {
    await this.#parts.onBatch()
    const { own } = this.#parts.engine.policy.acme
    if (ask.ask === 'renewals') return own === null ? { account: null, due: [] } : this.#renewals(own)
    if (own === null) throw refused('policy.acme.own is not set')
    switch (ask.ask) {
      case 'sign':
        return this.#sign(ask, own)
      case 'challenge':
        return this.#answerChallenge(ask, await this.#due(ask.leaf, own))
      case 'csr':
        return { csrPem: await this.#request(await this.#due(ask.leaf, own)) }
      default:
        return { deployments: await this.#take(await this.#due(ask.leaf, own), ask.pem, own) }
    }
  }

  async #renewals(own: OwnRenewal): Promise<RenewalAnswers['renewals']> {
    const { jwk } = await this.#accountKey()
    const found = await dueRenewals(this.#parts.engine, own)
    await this.#tryAgain(found, own)
    const due = await this.#stillOpen(found)
    this.#rounds.keep(new Set(due.map(({ leaf }) => leaf)))
    return { account: jwk, due: due.slice(0, mostDue).map(shown) }
  }

  async #allDue(own: OwnRenewal): Promise<readonly OwnDue[]> {
    return this.#stillOpen(await dueRenewals(this.#parts.engine, own))
  }

  /** Without those whose next certificate is here: it is about to be deployed, or will be tried again. */
  async #stillOpen(found: readonly OwnDue[]): Promise<readonly OwnDue[]> {
    const kept = new Set((await this.#obtained.list()).map(({ id }) => id))
    const waiting = this.#waiting()
    return found.filter(({ leaf }) => !waiting.has(leaf) && !kept.has(leaf))
  }

  #waiting(): ReadonlySet<string> {
    const pending = this.#parts.store.pending()
    return new Set(pending.flatMap(({ job }) => (job.kind === 'own-renewal' ? [job.replaces] : [])))
  }

  /** Another order would bring the same certificate. One that has used its share of life is forgotten. */
  async #tryAgain(due: readonly OwnDue[], own: OwnRenewal): Promise<void> {
    const now = this.#parts.engine.clock.now()
    const waiting = this.#waiting()
    for (const { id: leaf, document: obtained } of await this.#obtained.list()) {
      const one = due.find((other) => other.leaf === leaf)
      if (!isStillGood(obtained, own, now)) await this.#obtained.remove(leaf)
      else if (one !== undefined && !waiting.has(leaf) && isTimeToTry(obtained, now))
        await this.#deploy(one, { ...obtained, tries: obtained.tries + 1, at: now })
    }
  }

  /** The certificate is durable before its deployments are. */
  async #deploy(due: OwnDue, obtained: ObtainedCertificate): Promise<number> {
    await this.#obtained.put(due.leaf, obtained)
    const { pem, tries } = obtained
    const sha256 = parseCertificates(pem)[0]?.sha256 ?? ''
    const jobs = due.pairs.map(({ target }): OwnRenewalJob => {
      const id = `own-${digestOf(Buffer.from(`${sha256} ${target}`))}-${tries}`
      return { kind: 'own-renewal', id, certificateId: id, targetId: target, replaces: due.leaf, certificatePem: pem }
    })
    const fresh = await this.#parts.store.take(jobs)
    this.#parts.onTaken()
    return fresh
  }

  async #due(leaf: string, own: OwnRenewal): Promise<OwnDue> {
    const due = (await this.#allDue(own)).find((one) => one.leaf === leaf)
    if (due === undefined) throw refused('no certificate of this host with this leaf is due')
    return due
  }

  async #sign(request: RenewalAsk & { ask: 'sign' }, own: OwnRenewal): Promise<RenewalAnswers['sign']> {
    const key = await this.#accountKey()
    await this.#allow(readRequest(request, own.directory, key.jwk), own)
    const signature = await key.sign(Buffer.from(`${request.protected}.${request.payload}`))
    return { signature: signature.toString('base64url') }
  }

  async #allow(intent: AcmeIntent, own: OwnRenewal): Promise<void> {
    if (intent.kind === 'new-account') {
      const isAsSet =
        JSON.stringify(intent.contact) === JSON.stringify(own.contact) && (!intent.agreed || own.acceptsTerms)
      if (!isAsSet) throw refused('its contact or its terms are not those of policy.acme.own')
    }
    if (intent.kind === 'finalize' && !this.#rounds.isOfRequest(digestOf(Buffer.from(intent.csr, 'base64url'))))
      throw refused('its CSR was not made here')
    if (intent.kind !== 'order') return
    const due = (await this.#allDue(own)).find(({ names }) => sameNames(names) === sameNames(intent.names))
    if (due === undefined) throw refused('no certificate with these names is due')
    if (intent.profile !== own.profile) throw refused('its profile is not that of policy.acme.own')
    if (intent.replaces !== null && intent.replaces !== certIdOf(due.replaces))
      throw refused('it replaces another certificate than the one that is due')
    if (this.#rounds.isNewOrder(due.leaf, this.#parts.engine.clock.now())) await this.#orders.note(due.names)
  }

  async #answerChallenge(
    { name, token }: RenewalAsk & { ask: 'challenge' },
    { names }: OwnDue,
  ): Promise<RenewalAnswers['challenge']> {
    if (!names.some((one) => one.toLowerCase() === name.toLowerCase()))
      throw refused('the challenge is for no name of the certificate that is due')
    const keyAuthorization = keyAuthorizationOf((await this.#accountKey()).jwk, token)
    await this.#parts.challenges.put({ name, token, keyAuthorization, lifetimeMs: answerMs })
    return {}
  }

  async #request({ leaf, names, keyPem }: OwnDue): Promise<string> {
    const csrPem = await createCertificateRequest({ commonName: names[0] ?? '', sans: names, keyPem })
    this.#rounds.madeRequest(leaf, digestOf(readPem(csrPem).blocks[0]?.der ?? new Uint8Array()))
    return csrPem
  }

  /** What is no good is refused here, where another order may help; the rest is the deployment's to judge. */
  async #take(due: OwnDue, pem: string, { caFile }: OwnRenewal): Promise<number> {
    const given = parseCertificates(pem)
    const [leaf] = given
    if (leaf === undefined || leaf.spkiSha256 !== due.spkiSha256)
      throw new WaxsealError('KEY_MISMATCH', { certificate: leaf?.spkiSha256 ?? null, key: due.spkiSha256 })
    if (sameNames(leaf.names) !== sameNames(due.names))
      throw new WaxsealError('NAMES_UNRELATED', { names: leaf.names, expected: due.names })
    if (Date.parse(leaf.notAfter) <= due.notAfter)
      throw new WaxsealError('CERTIFICATE_OLDER', {
        notAfter: leaf.notAfter,
        live: new Date(due.notAfter).toISOString(),
      })
    const { trustedRoots: roots, clock } = this.#parts.engine
    await requireVoucher(given, parseCertificates(due.replaces), { roots, caFile, now: clock.now() })
    return this.#deploy(due, { pem, tries: 1, at: clock.now() })
  }

  #accountKey(): Promise<AcmeKey> {
    this.#key ??= openAccountKey(join(this.#parts.stateDir, 'acme-account.key')).catch((error: unknown) => {
      this.#key = null
      throw error
    })
    return this.#key
  }
}

function shown({ leaf, names, replaces, notBefore, notAfter }: OwnDue): DueRenewal {
  return { leaf, names, replaces, notBefore, notAfter }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
