import { nearest } from '../../../error/nearest.ts'
import type { AgentRow, CertificateRow } from '../../store/rows.ts'
import type { RenewalPolicy, Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { agentNamed, certificateNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { dueByIssuer } from '../renewal/due-by-issuer.ts'
import { dueOfFound } from '../renewal/due-of-found.ts'

/** Of a certificate of which nothing was said: the rule of all, all issuers in their order, a new key each time. */
export const defaultPolicy: RenewalPolicy = {
  renewShare: null,
  issuers: [],
  keyPolicy: 'rotate',
  keyType: null,
  fallBackAfter: null,
  fallBackShare: null,
}

/** What an agent says that knows when a key is to be used again, and of which kind it is to be (docs/design/protocol.md, 4). */
const [knowsKey, knowsKeys] = ['key', 'keys']

/**
 * Changes how a certificate is renewed from now on; what is left out stays. Its next renewal is planned by it, and a CSR that no issuer
 * would sign is sent again at once.
 */
export function changePolicy(
  { store, signer }: Pick<Parts, 'store' | 'signer'>,
  actor: Actor,
  name: string,
  change: Partial<RenewalPolicy>,
): Promise<CertificateRow> {
  return store.transaction(async (inside) => {
    const certificate = await inside.certificates.lock((await certificateNamed(inside, name)).id)
    if (certificate === null) throw new Refusal('missing', `there is no such certificate: ${name}`)
    const { id } = certificate
    const policy = { ...policyIn(certificate), ...change }
    requirePolicy(change, signer.issuers, await agentNamed(inside, certificate.agentId))
    await inside.certificates.setPolicy(id, policy)
    await planBy(inside, certificate, policy)
    await audit(inside, actor, 'certificate.policy', id, policy)
    return (await inside.certificates.byId(id)) ?? certificate
  })
}

/** Refuses an issuer that this server does not have, and a key that the agent would not use again, or not make. */
export function requirePolicy(
  { issuers = [], keyPolicy, keyType = null }: Partial<RenewalPolicy>,
  known: readonly string[],
  agent: AgentRow,
): void {
  for (const issuer of issuers) if (!known.includes(issuer)) throw unknownIssuer(issuer, known)
  if (keyPolicy === 'reuse' && !agent.features.includes(knowsKey))
    throw new Refusal('conflict', `the agent ${agent.name} makes a new key each time, and knows no other way`)
  if (keyType !== null && !agent.features.includes(knowsKeys))
    throw new Refusal('conflict', `the agent ${agent.name} makes keys of P-256, and knows no other kind: upgrade it`)
}

function unknownIssuer(issuer: string, known: readonly string[]): Refusal {
  const meant = nearest(issuer, known)
  const hint = meant === null ? `known are ${known.join(', ')}` : `is ${meant} meant?`
  return new Refusal('invalid', `this server has no issuer ${issuer}; ${hint}`)
}

function policyIn({
  renewShare,
  issuers,
  keyPolicy,
  keyType,
  fallBackAfter,
  fallBackShare,
}: CertificateRow): RenewalPolicy {
  return { renewShare, issuers, keyPolicy, keyType, fallBackAfter, fallBackShare }
}

/** A look that comes too early plans the next one itself. What has failed waits for its own time. */
async function planBy(store: Store, certificate: CertificateRow, { renewShare }: RenewalPolicy): Promise<void> {
  const { id, nextRenewalAt, renewalFailures } = certificate
  await store.signings.hasten(id, await store.now())
  const version = await store.versions.newest(id)
  if (nextRenewalAt === null || renewalFailures > 0) return
  if (version === null) {
    const due = await dueOfFound(store, certificate, renewShare)
    return due === null ? undefined : store.certificates.plan(id, { nextRenewalAt: due })
  }
  const { at } = await dueByIssuer(store, version, renewShare)
  await store.certificates.plan(id, { nextRenewalAt: Math.min(nextRenewalAt, at) })
}
