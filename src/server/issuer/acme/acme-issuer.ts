import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { thumbprintOf } from '../../../acme/acme-key.ts'
import type { Expected } from '../../../acme/follow-answer.ts'
import type { CaaRequest } from '../../../dns/judge-caa.ts'
import { asWaxsealError, describeError, WaxsealError } from '../../../error/waxseal-error.ts'
import { readPem } from '../../../material/read-pem.ts'
import type { AcmeIssuerConfig, AcmeLimits } from '../../config/server-config.ts'
import type { AcmeOrderRow, AcmeProof, FullLimit } from '../../store/acme-order-store.ts'
import type { Store } from '../../store/store.ts'
import type { Issuer, RevocationReason, SigningRequest, SignStep } from '../issuer.ts'
import { type AcmeAccount, openAcmeAccount } from './acme-account.ts'
import { advanceOrder, ownReplaced } from './advance-order.ts'
import { keepLease, orderLeaseMs } from './keep-lease.ts'
import { impossible } from './prove-names.ts'
import { registeredDomains } from './registered-domains.ts'
import type { Solver } from './solver.ts'
import { type LeftBehind, tidyOrders } from './tidy-orders.ts'

/** What issuers that speak ACME share. */
export interface AcmeParts {
  readonly store: Pick<Store, 'acmeOrders' | 'issuerStates' | 'now'>
  /** Where the account's key is if the configuration names none. */
  readonly dataDir: string
  /** In no order of theirs. */
  readonly solvers: readonly Solver[]
  /** Why the CAA records of a name refuse this, in a sentence; null: they do not. */
  readonly caa: (name: string, request: Omit<CaaRequest, 'isWildcard'>) => Promise<string | null>
  /** Why a CA would not find this answer at port 80 of the name, in sentences; null: nothing that is seen from here speaks against it. */
  readonly lookAtAnswers: (expected: Expected, isInnerCa: boolean) => Promise<string | null>
}

/** An issuer whose orders leave something behind. */
export interface AcmeIssuer extends Issuer {
  readonly limits: AcmeLimits
  /** URL of its account, which is made where there is none. */
  register(): Promise<string>
  /** Of its account's key (RFC 7638): what it answers challenges with. */
  thumbprint(): Promise<string>
  /** Removes what ended orders have published, for 30 days; returns what could not be removed. */
  tidy(): Promise<readonly LeftBehind[]>
}

const busyMs = 5000
const usualLimitMs = 3_600_000
/** A CA that asks for less, time and again, is one that fails: then it is asked less and less often. */
const shortestWaitMs = 10_000
const reasons: Readonly<Record<RevocationReason, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  superseded: 4,
  cessationOfOperation: 5,
}
const limitsInWords: Readonly<Record<keyof AcmeLimits, string>> = {
  sameNames: 'the CA signs only so many certificates for these names',
  registeredDomain: 'the CA signs only so many new certificates for one registered domain',
  orders: 'the CA takes only so many orders',
  failures: 'the CA could not find the proof of these names so often',
}

/** A CA that is spoken to by ACME. Nothing is read or asked before the first call, and a server without a way to the CA starts all the same. */
export function acmeIssuer(config: AcmeIssuerConfig, parts: AcmeParts): AcmeIssuer {
  const { name, profile, limits } = config
  const { store, dataDir, caa } = parts
  const solvers = config.challenges.flatMap((kind) => parts.solvers.filter((solver) => solver.kind === kind))
  let opened: Promise<AcmeAccount> | null = null
  const account = (): Promise<AcmeAccount> => {
    opened ??= openAcmeAccount(config, join(dataDir, `acme-${name}.key`)).catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  const register = async (): Promise<string> => {
    const url = await (await account()).client.account()
    await store.issuerStates.note(name, { account: url })
    return url
  }
  const place = async (request: SigningRequest): Promise<AcmeOrderRow | SignStep> => {
    const accountUri = await register()
    const own = await account()
    await requireProvable(own, solvers, caa, request, accountUri)
    const domains = limits.registeredDomain === null ? [] : await newDomains(name, own, request)
    const at = await store.now()
    const begun = await store.acmeOrders.begin(newRow(name, request, at), limits, domains)
    return 'order' in begun ? begun.order : waitsForLimit(begun, request, at)
  }
  const sign = async (request: SigningRequest): Promise<SignStep> => {
    const row = (await store.acmeOrders.open(request.id, name)) ?? (await place(request))
    if (!('signingId' in row)) return row
    const at = await store.now()
    const until = at + orderLeaseMs
    const leased = await store.acmeOrders.lease(row.id, at, until)
    if (leased === null) return { state: 'waits', untilMs: at + busyMs, reason: 'another server goes on with it' }
    const giveBack = keepLease({ orders: store.acmeOrders, now: store.now }, row.id, until)
    try {
      const spoken = await account()
      const lookFirst = async ({ name: host, token, value: keyAuthorization }: AcmeProof): Promise<string | null> =>
        config.looksFirst ? parts.lookAtAnswers({ name: host, token, keyAuthorization }, spoken.client.isInner()) : null
      const advancing = { ...spoken, lookFirst, orders: store.acmeOrders, solvers, now: store.now, name, profile }
      // Signed, it stays open until its version is kept: whoever comes after a crash fetches the same certificate again.
      return await advanceOrder(advancing, leased, request)
    } finally {
      await giveBack()
    }
  }
  return {
    name,
    isRemote: true,
    limits,
    register,
    thumbprint: async () => thumbprintOf((await account()).key.jwk),
    sign: async (request) => {
      try {
        const step = await sign(request)
        await store.issuerStates.note(name, { workedAt: await store.now() })
        return step
      } catch (error) {
        const told = asWaxsealError(error)
        const at = await store.now()
        await store.issuerStates.note(name, { failedAt: at, error: describeError(told) })
        return waitsAsTold(told, at) ?? Promise.reject(told)
      }
    },
    revoke: async ({ pem }, reason) => {
      const der = readPem(pem).blocks[0]?.der
      if (der != null) await (await account()).client.revoke(der, reasons[reason])
    },
    renewalInfo: async ({ pem }) => (await account()).client.renewalInfo(pem),
    tidy: () => tidyOrders(name, store, parts.solvers),
  }
}

function newRow(issuer: string, { id: signingId, certificateId, names }: SigningRequest, at: number): AcmeOrderRow {
  return {
    id: `acme-order-${randomUUID()}`,
    signingId,
    issuer,
    certificateId,
    names: [...new Set(names.map((one) => one.toLowerCase()))].toSorted().join(' '),
    state: 'open',
    url: null,
    proofs: [],
    failedNames: '',
    error: null,
    createdAt: at,
    endedAt: null,
    leaseUntil: null,
    tidyAt: null,
  }
}

/** The domains that it counts for. A renewal that the CA knows for one by its renewal information (RFC 9773) counts for none. */
async function newDomains(
  issuer: string,
  { client }: AcmeAccount,
  request: SigningRequest,
): Promise<readonly string[]> {
  const isKnownRenewal = ownReplaced(issuer, request) !== null && (await client.directory()).renewalInfo !== null
  return isKnownRenewal ? [] : registeredDomains(request.names)
}

/** Before anything is ordered: each name can be proven, and its CAA records let this CA and this account have it. */
async function requireProvable(
  { client }: AcmeAccount,
  solvers: readonly Solver[],
  caa: AcmeParts['caa'],
  request: SigningRequest,
  accountUri: string,
): Promise<void> {
  const { caaIdentities: identities } = await client.directory()
  for (const name of request.names) {
    const [bare, isWildcard] = [name.replace(/^\*\./, ''), name.startsWith('*.')]
    const solver = await firstFor(solvers, bare, isWildcard, request)
    if (solver === null) throw impossible(name)
    // A CA that does not say by what name it is meant checks them itself.
    if (identities.length === 0) continue
    const reason = await caa(name, { identities, accountUri, method: `${solver.kind}-01` })
    if (reason !== null) throw new WaxsealError('CAA_REFUSES', { name, reason })
  }
}

async function firstFor(
  solvers: readonly Solver[],
  name: string,
  isWildcard: boolean,
  request: SigningRequest,
): Promise<Solver | null> {
  for (const solver of solvers) if ((await solver.placeFor(name, isWildcard, request)) !== null) return solver
  return null
}

/** Whoever has the least time left comes first, when there is room again: those that share names renew in turn. */
function waitsForLimit(
  { limit, of, untilMs: freeAt }: FullLimit,
  { replaces, at }: SigningRequest,
  now: number,
): SignStep {
  const msLeft = Math.max(0, (replaces?.notAfter ?? at) - at)
  const untilMs = Math.max(now + 1000, freeAt + 1000 + Math.min(600_000, Math.round(msLeft / 10_000)))
  const limited = of === null ? limitsInWords[limit] : `${limitsInWords[limit]} (${of})`
  return { state: 'waits', untilMs, reason: `${limited}, until ${new Date(freeAt).toISOString()}` }
}

/** A CA that asks to be waited for has not failed. Null: it does not. */
function waitsAsTold({ code, details }: WaxsealError, at: number): SignStep | null {
  const asked = typeof details['retryAfterMs'] === 'number' ? details['retryAfterMs'] : null
  const isLimit = code === 'ACME_REFUSED' && details['type'] === 'rateLimited'
  const isBusy = asked !== null && (code === 'ACME_UNREACHABLE' || details['status'] === 503)
  const pause = asked ?? usualLimitMs
  if (!(isLimit || isBusy) || pause < shortestWaitMs) return null
  const said = isLimit ? `the CA says: ${String(details['detail'])}` : 'the CA is busy'
  return { state: 'waits', untilMs: at + pause, reason: said }
}
