import { WaxsealError } from '../error/waxseal-error.ts'
import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import type { AcmeKey } from './acme-key.ts'
import {
  type AcmeAuthorization,
  type AcmeDirectory,
  type AcmeOrder,
  readAuthorization,
  readDirectory,
  readOrder,
} from './answers.ts'
import { bindExternal, type ExternalAccount } from './jws.ts'
import { openSigned } from './open-signed.ts'
import { refusedBy, unusable } from './problem.ts'
import { type AcmeCertificate, readAcmeCertificate } from './read-certificate.ts'
import { certIdOf, type RenewalInfo, readRenewalInfo } from './renewal-info.ts'
import { openTransport, type TransportOptions } from './transport.ts'

/** An account with a CA: whom it is of, and how it is made where there is none. */
export interface AcmeOptions extends TransportOptions {
  readonly key: AcmeKey
  /** `mailto:…` */
  readonly contact?: readonly string[]
  /** The operator has read the terms of the CA. */
  readonly acceptsTerms: boolean
  readonly externalAccount?: ExternalAccount | null
}

/** What is ordered. */
export interface NewOrder {
  /** DNS names, in ASCII, and addresses. */
  readonly names: readonly string[]
  /** One of the directory's; null: the CA's own choice. */
  readonly profile: string | null
  /** PEM of the certificate whose place it takes; null: of none. What a CA says against that is no failure: it is ordered without. */
  readonly replaces: string | null
}

/**
 * ACME (RFC 8555), a call each. Every failure is ACME_REFUSED, what the CA says, or ACME_UNREACHABLE. Nothing is kept but the account's URL:
 * who orders keeps the order's, and goes on with it from another process.
 */
export interface AcmeClient {
  directory(): Promise<AcmeDirectory>
  /** The URL of the account, which is made where there is none. */
  account(): Promise<string>
  newOrder(order: NewOrder): Promise<AcmeOrder>
  order(url: string): Promise<AcmeOrder>
  /** `names`: of the order. An authorization for any other name is refused. */
  authorization(url: string, names: readonly string[]): Promise<AcmeAuthorization>
  /** The answer to this challenge is in its place: the CA may look. */
  answer(challengeUrl: string): Promise<void>
  /** `csr`: DER. */
  finalize(order: AcmeOrder, csr: Uint8Array): Promise<AcmeOrder>
  certificate(url: string): Promise<AcmeCertificate>
  /** `reason`: RFC 5280 §5.3.1. One that is revoked already is no failure. */
  revoke(certificate: Uint8Array, reason: number): Promise<void>
  /** When the CA wants this certificate (PEM) renewed; null: it does not say. */
  renewalInfo(pem: string): Promise<RenewalInfo | null>
  /** Whether the CA is in an inner network: what looks for its challenges is there as well. Known once it was asked for something. */
  isInner(): boolean
  close(): Promise<void>
}

const pemChain = 'application/pem-certificate-chain'
/** Some CAs sign while they answer. */
const finalizeMs = 120_000
/** A CA may move what it offers, and offer more. */
const directoryMs = 86_400_000
/** There is nothing any more at a URL. */
const goneStatuses: readonly unknown[] = [404, 405, 410]
/** Words with which CAs refuse an order because of what it replaces; pebble 2.6 fails where the serial number begins with a zero (`serverInternal`). */
const refusesReplacing = ['alreadyReplaced', 'malformed', 'unauthorized', 'conflict', 'serverInternal', 'unknown']

/** Words with which CAs refuse the look-up of an account: there is none, or they want to be told more, as when one is made. */
const refusesLookUp = ['accountDoesNotExist', 'externalAccountRequired', 'userActionRequired', 'malformed']

/** Nothing is asked before the first call. */
export function openAcme(options: AcmeOptions): AcmeClient {
  const transport = openTransport(options)
  let directory: Promise<AcmeDirectory> | null = null
  let directoryAt = 0
  const readTheDirectory = (): Promise<AcmeDirectory> => {
    if (performance.now() - directoryAt > directoryMs) directory = null
    if (directory === null) directoryAt = performance.now()
    directory ??= transport
      .request({ method: 'GET', url: options.directory }, () => {})
      .then(({ text }) => readDirectory(text))
      .catch((error: unknown) => {
        directory = null
        throw error
      })
    return directory
  }
  /** What has moved is found by the next call. */
  const forgetting = (error: unknown): unknown => {
    if (error instanceof WaxsealError && goneStatuses.includes(error.details['status'])) directory = null
    return error
  }
  const signed = openSigned(transport, options.key, async () => (await readTheDirectory()).newNonce)
  let account: Promise<string> | null = null
  const theAccount = (): Promise<string> => {
    account ??= readTheDirectory()
      .then((known) => openAccount(options, signed.byKey, known))
      .catch((error: unknown) => {
        account = null
        throw error
      })
    return account
  }
  const post: typeof signed.byAccount = async (kid, request) => {
    try {
      return await signed.byAccount(kid, request)
    } catch (error) {
      // A CA that was set up anew: the next call makes the account again.
      if (isRefused(error, ['accountDoesNotExist'])) account = null
      throw forgetting(error)
    }
  }
  const ask = async (url: string, payload: object | null, more: { accept?: string; timeoutMs?: number } = {}) =>
    post(await theAccount(), { url, payload, ...more })
  const orderAt = async (url: string): Promise<AcmeOrder> => {
    const { text, retryAfterMs } = await ask(url, null)
    return readOrder(text, url, retryAfterMs)
  }
  return {
    directory: readTheDirectory,
    account: theAccount,
    order: orderAt,
    newOrder: async (wanted) => {
      const known = await readTheDirectory()
      const place = async (payload: object): Promise<AcmeOrder> => {
        const { text, location, retryAfterMs } = await ask(known.newOrder, payload)
        if (location === null) throw unusable('it does not say where the order is')
        return readOrder(text, location, retryAfterMs)
      }
      const payload = payloadOf(wanted, known)
      try {
        return await place(payload)
      } catch (error) {
        if (!('replaces' in payload) || !isRefused(error, refusesReplacing) || isBusy(error)) throw error
        const { replaces: _, ...without } = payload
        return place(without)
      }
    },
    authorization: async (url, names) => {
      const { text, retryAfterMs } = await ask(url, null)
      return readAuthorization(text, names, retryAfterMs)
    },
    answer: async (url) => {
      await ask(url, {})
    },
    finalize: async ({ url, finalize }, csr) => {
      const payload = { csr: Buffer.from(csr).toString('base64url') }
      const { text, retryAfterMs } = await ask(finalize, payload, { timeoutMs: finalizeMs })
      return readOrder(text, url, retryAfterMs)
    },
    certificate: async (url) => {
      const { text, links } = await ask(url, null, { accept: pemChain })
      return readAcmeCertificate(text, links, url)
    },
    revoke: async (certificate, reason) => {
      const { revokeCert } = await readTheDirectory()
      const payload = { certificate: Buffer.from(certificate).toString('base64url'), reason }
      await ask(revokeCert, payload).catch((error: unknown) => {
        if (!isRefused(error, ['alreadyRevoked'])) throw error
      })
    },
    renewalInfo: async (pem) => {
      const { renewalInfo } = await readTheDirectory()
      const id = certIdOf(pem)
      if (renewalInfo === null || id === null) return null
      const url = `${renewalInfo.replace(/\/$/, '')}/${id}`
      const { text, retryAfterMs } = await transport
        .request({ method: 'GET', url }, () => {})
        .catch((error: unknown) => {
          throw forgetting(error)
        })
      return readRenewalInfo(text, retryAfterMs)
    },
    isInner: transport.isInner,
    close: transport.close,
  }
}

/**
 * Asked for first: an account that is there is no new one for the CA's limits, and needs no external account any more. A CA that looks none up
 * gives the one that it has where one is to be made (RFC 8555 §7.3).
 */
async function openAccount(
  { key, contact = [], acceptsTerms, externalAccount = null }: AcmeOptions,
  post: ReturnType<typeof openSigned>['byKey'],
  { newAccount, termsOfService, needsExternalAccount }: AcmeDirectory,
): Promise<string> {
  const open = async (payload: object): Promise<string> => {
    const { location } = await post({ url: newAccount, payload })
    if (location === null) throw unusable('it does not say where the account is')
    return location
  }
  try {
    return await open({ onlyReturnExisting: true })
  } catch (error) {
    if (!isRefused(error, refusesLookUp)) throw error
  }
  if (termsOfService !== null && !acceptsTerms) {
    const detail = `the CA has terms: read ${termsOfService}, then set accept_terms`
    throw refusedBy({ type: 'userActionRequired', detail, perName: [] }, null, null)
  }
  if (needsExternalAccount && externalAccount === null) {
    const detail = 'the CA takes accounts alone that it gave to its customers: set eab'
    throw refusedBy({ type: 'externalAccountRequired', detail, perName: [] }, null, null)
  }
  return open({
    termsOfServiceAgreed: acceptsTerms,
    ...(contact.length === 0 ? {} : { contact }),
    ...(externalAccount === null ? {} : { externalAccountBinding: bindExternal(externalAccount, key.jwk, newAccount) }),
  })
}

/** A profile that the CA does not offer, and `replaces` where it knows no renewal information, are not sent (RFC 9773 §5). */
function payloadOf({ names, profile, replaces }: NewOrder, { profiles, renewalInfo }: AcmeDirectory): object {
  if (profile !== null && !profiles.includes(profile)) {
    const has = profiles.length === 0 ? 'it has none' : `it has ${profiles.join(', ')}`
    throw refusedBy(
      { type: 'invalidProfile', detail: `the CA has no profile ${profile}: ${has}`, perName: [] },
      null,
      null,
    )
  }
  const replaced = replaces === null || renewalInfo === null ? null : certIdOf(replaces)
  return {
    identifiers: names.map((value) => ({ type: isAddressOrNetwork(value) ? 'ip' : 'dns', value })),
    ...(profile === null ? {} : { profile }),
    ...(replaced === null ? {} : { replaces: replaced }),
  }
}

/** It would say the same to any order. */
function isBusy(error: unknown): boolean {
  return error instanceof WaxsealError && error.details['status'] === 503
}

function isRefused(error: unknown, types: readonly string[]): boolean {
  if (!(error instanceof WaxsealError) || error.code !== 'ACME_REFUSED') return false
  return types.includes(String(error.details['type']))
}
