import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { ClientLife } from '../control-plane/client-pair.ts'
import type { ClientRequest } from '../control-plane/credential-calls.ts'
import type { Heard } from '../control-plane/heard.ts'
import type { HostIdentity } from '../control-plane/heartbeat.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { type Membership, noMembership } from '../documents/membership.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import type { Deployer } from './deployer.ts'

/** What being a member of a control plane needs. */
export interface MemberParts {
  readonly deployer: Deployer
  readonly controlPlane: Pick<
    ControlPlane,
    'adopt' | 'basis' | 'clientLife' | 'exchangeClientCertificate' | 'exchangeCredential' | 'judge' | 'proven'
  >
  /** Makes a new key for a client certificate. */
  readonly makeClientRequest: () => Promise<ClientRequest>
  /** Whether this host is to be known by one; null: as it was enrolled. */
  readonly clientCertificate: boolean | null
  /** A digest that tells this machine from others; null: it has no id. */
  readonly machine: string | null
  readonly clock: Pick<Clock, 'now' | 'random'>
  readonly log: Pick<Logger, 'info' | 'warn'>
}

const dayMs = 86_400_000

/** How long a credential is used, in milliseconds: ninety days. */
const credentialMs = 90 * dayMs

/**
 * What this host is to its control plane, over the years: the CAs that it trusts, and its credential. Whatever is new is durable with
 * the deployer before it is used.
 */
export class Member {
  readonly #parts: MemberParts
  readonly #run = randomBytes(16).toString('hex')
  #isIntroduced = false
  #starts: number | null = null
  #kept: Membership = noMembership
  #introduction: Promise<void> | null = null
  #saidPinned = false
  /** What the server handed out when it was last looked at. */
  #seen: string | null = null
  /** When it last went over to a credential of the other kind: one that is not taken is asked for no more than once a day. */
  #wentOverAt = Number.NEGATIVE_INFINITY

  constructor(parts: MemberParts) {
    this.#parts = parts
  }

  /** Which host this is; null: that is not known yet. */
  get host(): HostIdentity | null {
    const { machine } = this.#parts
    return this.#starts === null || machine === null ? null : { machine, starts: this.#starts, run: this.#run }
  }

  get isIntroduced(): boolean {
    return this.#isIntroduced
  }

  /** Takes over what was kept at an earlier start, once. Throws what the deployer does: then the next call tries again. */
  introduce(): Promise<void> {
    this.#introduction ??= this.#introduce().catch((error: unknown) => {
      this.#introduction = null
      throw error
    })
    return this.#introduction
  }

  async #introduce(): Promise<void> {
    const { deployer, controlPlane } = this.#parts
    const { starts, membership } = await deployer.ask({ ask: 'introduce' })
    const { basis } = controlPlane
    this.#isIntroduced = true
    this.#starts = starts
    this.#kept = {
      trust: membership.trust?.basis === basis.trust ? membership.trust : null,
      credential: membership.credential?.basis === basis.credential ? membership.credential : null,
    }
    controlPlane.adopt(this.#kept)
  }

  /** After each heartbeat that was answered, over a connection that was verified by what is trusted so far. Never throws. */
  async heard({ features, caPem }: Heard): Promise<void> {
    if (!this.#isIntroduced) return
    try {
      if (caPem !== null && caPem !== this.#seen) await this.#trust(caPem)
      this.#seen = caPem
      await this.#settleCredential()
      const isCertified = this.#parts.controlPlane.clientLife !== null
      const wanted = (this.#parts.clientCertificate ?? isCertified) ? 'client_certificate' : 'credential'
      if (!features.has(wanted)) return
      if (isCertified !== (wanted === 'client_certificate')) await this.#goOver(wanted)
      else await (isCertified ? this.#renewWhenDue() : this.#exchangeWhenDue())
    } catch (error) {
      const coded = asWaxsealError(error)
      this.#parts.log.info(
        { code: coded.code, reason: describeError(coded) },
        'the CAs and the credential for the control plane stay as they were until the next heartbeat',
      )
    }
  }

  /** The newest answer counts alone: what a server has dropped is dropped here, too. */
  async #trust(caPem: string): Promise<void> {
    const { controlPlane, clock, log } = this.#parts
    const { trust: basis } = controlPlane.basis
    const judged = controlPlane.judge(caPem, clock.now())
    if (judged === null) return
    if (basis === null) return this.#sayPinned(judged.isBeyond)
    const ca = judged.isBeyond ? judged.usable : null
    if (ca === (this.#kept.trust?.ca ?? null)) return
    await this.#keep({ ...this.#kept, trust: ca === null ? null : { basis, ca } })
    if (ca !== null) log.info('the CAs that the control plane hands out are trusted for it from now on')
    else log.info('no CA is trusted for the control plane any more beside those of control_plane.ca_file')
  }

  #sayPinned(isBeyond: boolean): void {
    if (isBeyond && !this.#saidPinned)
      this.#parts.log.warn(
        {
          hint: 'Add the new CA, from ca.pem of the control plane, to what this host trusts (control_plane.ca_file) before the server goes over to it: afterwards this host cannot reach it.',
        },
        'the control plane hands out a CA that this host does not trust: its administrator chose its CAs',
      )
    this.#saidPinned = isBeyond
  }

  /** The one that the server took is the one: the other is forgotten. */
  async #settleCredential(): Promise<void> {
    const { controlPlane } = this.#parts
    const { credential } = this.#kept
    if (credential === null || credential.secrets.length < 2 || controlPlane.proven === null) return
    await this.#keep({ ...this.#kept, credential: { ...credential, secrets: [controlPlane.proven] } })
  }

  async #exchangeWhenDue(): Promise<void> {
    const { controlPlane, clock, log } = this.#parts
    const now = clock.now()
    const { credential: basis } = controlPlane.basis
    const { credential } = this.#kept
    // Nobody knows how old it is; hosts that begin together do not exchange together.
    if (credential === null) {
      const since = now - Math.floor(credentialMs * clock.random())
      return this.#keep({ ...this.#kept, credential: { basis, since, secrets: [] } })
    }
    if (now - credential.since < credentialMs || controlPlane.proven === null) return
    const present = controlPlane.proven
    const next = await controlPlane.exchangeCredential()
    await this.#keep({ ...this.#kept, credential: { basis, since: now, secrets: [next, present] } })
    log.info('the credential of this host was exchanged')
  }

  /** To a credential of the other kind, by the one that the server took last; that one is good until the new one was used. */
  async #goOver(wanted: 'client_certificate' | 'credential'): Promise<void> {
    const { controlPlane, clock, log, makeClientRequest } = this.#parts
    const now = clock.now()
    const { proven: present } = controlPlane
    if (present === null || now - this.#wentOverAt < dayMs) return
    this.#wentOverAt = now
    const next =
      wanted === 'client_certificate'
        ? await controlPlane.exchangeClientCertificate(await makeClientRequest())
        : await controlPlane.exchangeCredential()
    const { credential: basis } = controlPlane.basis
    await this.#keep({ ...this.#kept, credential: { basis, since: now, secrets: [next, present] } })
    log.info({ to: wanted }, 'this host goes over to a credential of another kind, as it is configured')
  }

  /** Over a connection that the present certificate vouches for; it is good until the new one was used. */
  async #renewWhenDue(): Promise<void> {
    const { controlPlane, clock, log, makeClientRequest } = this.#parts
    const { clientLife: life, proven: present } = controlPlane
    const now = clock.now()
    if (life === null || present === null || now < dueOf(life)) return
    const next = await controlPlane.exchangeClientCertificate(await makeClientRequest())
    const { credential: basis } = controlPlane.basis
    await this.#keep({ ...this.#kept, credential: { basis, since: now, secrets: [next, present] } })
    log.info('the client certificate of this host was renewed')
  }

  async #keep(membership: Membership): Promise<void> {
    const { deployer, controlPlane } = this.#parts
    await deployer.ask({ ask: 'keep', membership })
    this.#kept = membership
    controlPlane.adopt(membership)
  }
}

/** At two thirds of its life, each one up to a tenth of it earlier, at a time of its own: hosts that were enrolled together do not renew together. */
function dueOf({ notBefore, notAfter, chance }: ClientLife): number {
  return notBefore + (notAfter - notBefore) * (2 / 3 - chance / 10)
}
