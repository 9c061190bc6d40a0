import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import type { AcmeIssuer } from '../../issuer/acme/acme-issuer.ts'
import type { Rate } from '../../renewal/within-rate.ts'
import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'

/** How much of a limit of a CA is used. */
export interface UsedRate extends Rate {
  readonly limit: 'same_names' | 'registered_domain' | 'orders'
  readonly used: number
  /** The set of names, or the domain, that it is used by; null: it is not counted by names. */
  readonly names: string | null
}

/** Who signs, with how that goes. Times are milliseconds since 1970, UTC; null: never. */
export interface ListedIssuer {
  readonly name: string
  readonly kind: 'local' | 'acme' | 'module'
  /** From 1, in the order for certificates that name none; null: it is not asked for these. */
  readonly place: number | null
  /** URL of the account; null: there is none, or none yet. */
  readonly account: string | null
  readonly workedAt: number | null
  readonly failedAt: number | null
  /** Of the last failure. */
  readonly error: string | null
  /** The sets of names and the domains that are nearest to the limit, and the orders. */
  readonly limits: readonly UsedRate[]
}

/** Of sets of names and of domains, those that are used most. */
const mostShown = 5

/** Lists who signs: those that are asked by themselves first. */
export async function listIssuers({
  store,
  issuers,
  signer,
  acme,
}: Pick<Parts, 'store' | 'issuers' | 'signer' | 'acme'>): Promise<readonly ListedIssuer[]> {
  const listed: ListedIssuer[] = []
  for (const { name } of issuers) {
    const state = await store.issuerStates.of(name)
    const at = signer.order.indexOf(name)
    const own = acme.find((issuer) => issuer.name === name)
    listed.push({
      name,
      kind: own !== undefined ? 'acme' : name === 'local' ? 'local' : 'module',
      place: at === -1 ? null : at + 1,
      account: state?.account ?? null,
      workedAt: state?.workedAt ?? null,
      failedAt: state?.failedAt ?? null,
      error: state?.error ?? null,
      limits: own === undefined ? [] : await limitsOf(store, own),
    })
  }
  const placeOf = ({ place }: ListedIssuer): number => place ?? listed.length + 1
  return listed.toSorted((one, other) => placeOf(one) - placeOf(other))
}

/** Makes its account at the CA, or finds the one that is there; returns its URL. */
export async function registerIssuer(
  { acme }: Pick<Parts, 'acme'>,
  name: string,
): Promise<{ readonly account: string; readonly thumbprint: string }> {
  const issuer = acme.find((one) => one.name === name)
  if (issuer === undefined) throw new Refusal('missing', `this server has no issuer ${name} that has an account`)
  try {
    return { account: await issuer.register(), thumbprint: await issuer.thumbprint() }
  } catch (error) {
    throw new Refusal('conflict', describeError(asWaxsealError(error)))
  }
}

async function limitsOf(
  { acmeOrders, now }: Store,
  { name, limits: { sameNames, registeredDomain, orders } }: AcmeIssuer,
): Promise<readonly UsedRate[]> {
  const at = await now()
  const ofNames = sameNames === null ? [] : await acmeOrders.mostIssued(name, at - sameNames.perMs, mostShown)
  const ofDomains =
    registeredDomain === null ? [] : await acmeOrders.mostOfDomain(name, at - registeredDomain.perMs, mostShown)
  return [
    ...(orders === null
      ? []
      : [{ ...orders, limit: 'orders' as const, used: await acmeOrders.count(name, at - orders.perMs), names: null }]),
    ...(sameNames === null ? [] : ofNames.map((one) => ({ ...sameNames, ...one, limit: 'same_names' as const }))),
    ...(registeredDomain === null
      ? []
      : ofDomains.map((one) => ({ ...registeredDomain, ...one, limit: 'registered_domain' as const }))),
  ]
}
