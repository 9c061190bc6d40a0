import { dueAt } from '../../renewal/when-due.ts'
import type { DiscoveredRow } from '../../store/discovered-store.ts'
import type { AgentRow, CertificateRow } from '../../store/rows.ts'
import type { RenewalPolicy, Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { defaultPolicy, requirePolicy } from '../certificate/renewal-policy.ts'
import { activeAgent, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { beginRenewal } from '../renewal/begin-renewal.ts'
import { newId } from '../secret.ts'

/** What is to take the place of a certificate that was found. */
export interface Binding {
  /** Of what was found: SHA-256, hex, or the beginning of it. */
  readonly fingerprint: string
  /** Id or name. */
  readonly target: string
  readonly validityDays: number
  readonly policy: Partial<RenewalPolicy>
  /** Not only when it is due. */
  readonly isNow: boolean
}

/** What a certificate of ours may have. */
const mostNames = 100
const usableName = /^[\x21-\x7e]{1,253}$/

/**
 * Has a certificate of ours take the place of one that was found on the host of this target: with its names, and a new key, when that
 * one is due. Until then nothing is deployed.
 */
export function bindDiscovered(
  { store, signer }: Pick<Parts, 'store' | 'signer'>,
  actor: Actor,
  { fingerprint, target, validityDays, policy, isNow }: Binding,
): Promise<{ readonly certificateId: string; readonly jobId: string | null; readonly nextRenewalAt: number | null }> {
  return store.transaction(async (inside) => {
    const to = await targetNamed(inside, target)
    const agent = await activeAgent(inside, to.agentId)
    requirePolicy(policy, signer.issuers, agent)
    const found = await foundOn(inside, agent, fingerprint)
    const { id: agentId } = agent
    const id = newId('cert')
    const plan = { ...defaultPolicy, ...policy }
    const certificate: CertificateRow = {
      id,
      agentId,
      ...namesOf(found),
      validityDays,
      ...plan,
      nextRenewalAt: dueAt(
        { certificateId: id, notBefore: found.notBefore, notAfter: found.notAfter },
        plan.renewShare,
      ),
      renewalFailures: 0,
      lastError: null,
      revokedAt: null,
      nextSpki: null,
      createdAt: await inside.now(),
    }
    await inside.certificates.add(certificate, [to.id])
    await inside.discovered.bind(agentId, found.fingerprint, id)
    await audit(inside, actor, 'certificate.bind', id, { fingerprint: found.fingerprint, target: to.id, ...policy })
    const jobId = isNow ? await beginRenewal(inside, actor, certificate, null) : null
    return { certificateId: id, jobId, nextRenewalAt: isNow ? null : certificate.nextRenewalAt }
  })
}

/** The one that is meant, which has to be one that can be replaced. */
async function foundOn(store: Store, agent: AgentRow, fingerprint: string): Promise<DiscoveredRow> {
  const rows = await store.discovered.named(agent.id, fingerprint)
  const [first] = rows
  if (first === undefined)
    throw new Refusal(
      'missing',
      `on ${agent.name}, the host of the target, no such certificate was found: ${fingerprint}`,
    )
  if (new Set(rows.map((row) => row.fingerprint)).size > 1)
    throw new Refusal('conflict', 'several fingerprints begin so; give more of its digits (discovered --wide)')
  const found = rows.find(({ goneAt }) => goneAt === null)
  if (found === undefined) throw new Refusal('conflict', 'this certificate is there no more; see what took its place')
  if (found.certificateId !== null)
    throw new Refusal('conflict', `it is bound already: ${found.certificateId} takes its place`)
  const managed = await store.discovered.managedBy(found.fingerprint)
  if (managed !== null) throw new Refusal('conflict', `it is one of this control plane already: ${managed}`)
  if (found.isCa) throw new Refusal('invalid', 'it is the certificate of a CA, which no target serves')
  return found
}

/** The common name only where it is a name of the host, too: many have a title there. */
function namesOf({ commonName, sans }: DiscoveredRow): Pick<CertificateRow, 'commonName' | 'sans'> {
  const names = [...new Set(sans.length === 0 && commonName !== '' ? [commonName] : sans)]
  const isFirst = names.some((name) => name.toLowerCase() === commonName.toLowerCase())
  const [first] = isFirst ? [commonName] : names
  if (first === undefined) throw new Refusal('invalid', 'it has no name that a certificate could be requested for')
  const others = names.filter((name) => name.toLowerCase() !== first.toLowerCase())
  if (others.length >= mostNames) throw new Refusal('invalid', `it has more than ${mostNames} names`)
  const odd = [first, ...others].find((name) => !usableName.test(name))
  if (odd !== undefined) throw new Refusal('invalid', `no certificate can be requested for a name that it has: ${odd}`)
  return { commonName: first, sans: others }
}
