import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import { readVersion } from '../../authority/read-version.ts'
import type { AgentRow, TokenRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { hashSecret, newId, newSecret, secretProof } from '../secret.ts'
import { requireMatch } from './create-token.ts'
import { takePlace } from './readmit-agent.ts'

/** Who wants to register. */
export interface Registration {
  readonly token: string
  readonly idempotencyKey: string | null
  readonly name: string
  readonly hostname: string
  readonly features: readonly string[]
  /** A client certificate is wanted in place of a secret. */
  readonly certify?: Certify | undefined
}

/** Makes a client certificate (PEM) for the agent with this id. JOB_MALFORMED: of what came with the call none can be made. */
export type Certify = (agentId: string, at: number) => Promise<string>

/** An agent, and the credential that is told once: a secret, or a client certificate (PEM). */
export interface Registered {
  readonly agent: AgentRow
  readonly credential: string
}

/**
 * Registers an agent with a bootstrap token. The same key with the same token and name gets the same agent once more, with a new
 * credential, as long as none of its credentials was used: the first answer was lost then.
 */
export function register({ store }: Pick<Parts, 'store'>, wanted: Registration): Promise<Registered> {
  return store.transaction(async (inside) => {
    const again = await registeredBefore(inside, wanted)
    if (again !== null) return { agent: again, credential: await addCredential(inside, again, wanted.certify) }
    const now = await inside.now()
    const token = await inside.tokens.take(hashSecret(wanted.token), now)
    if (token === null) throw new Refusal('unauthorized', 'the bootstrap token is not valid')
    const agent = isBound(token) ? await takePlace(inside, token, wanted) : await addAgent(inside, token, wanted, now)
    if (wanted.idempotencyKey !== null) {
      const keyHash = hashOf(wanted.idempotencyKey, wanted.token)
      await inside.tokens.addRegistration({ keyHash, tokenHash: token.hash, agentId: agent.id })
    }
    return { agent, credential: await addCredential(inside, agent, wanted.certify) }
  })
}

function isBound(token: TokenRow): token is TokenRow & { readonly agentId: string } {
  return token.agentId !== null
}

async function addAgent(
  store: Store,
  token: TokenRow,
  { name, hostname, features }: Registration,
  now: number,
): Promise<AgentRow> {
  requireMatch(token.namePattern, name)
  const agent: AgentRow = { id: newId('agent'), name, hostname, status: 'active', features, registeredAt: now }
  if (!(await store.agents.add(agent))) {
    const hint = 'if it was installed anew, an operator lets it in: waxseal control-plane readmit'
    throw new Refusal('conflict', `an agent of this name is registered; ${hint}`)
  }
  await audit(store, `agent:${agent.id}`, 'agent.register', agent.id, { name, hostname })
  return agent
}

async function registeredBefore(store: Store, { idempotencyKey, token, name }: Registration): Promise<AgentRow | null> {
  if (idempotencyKey === null) return null
  const agent = await store.tokens.registered(hashOf(idempotencyKey, token), hashSecret(token))
  if (agent === null) return null
  if (agent.name !== name)
    throw new Refusal('conflict', 'an agent of another name was registered with this Idempotency-Key')
  const since = (await store.tokens.find(hashSecret(token)))?.createdAt ?? 0
  if (await store.credentials.wereUsed(agent.id, since))
    throw new Refusal('conflict', 'an agent of this name is registered, and its credential is in use')
  await store.credentials.revoke(agent.id, await store.now())
  await audit(store, `agent:${agent.id}`, 'agent.register-again', agent.id)
  return agent
}

/** A key is one of its token: with another token it stands for another registration. */
function hashOf(idempotencyKey: string, token: string): string {
  return hashSecret(`${idempotencyKey} ${token}`)
}

/** A new credential of this agent, which is told once: a client certificate (PEM), or a secret. `invalid`: none can be made. */
export async function addCredential(store: Store, { id: agentId }: AgentRow, certify?: Certify): Promise<string> {
  const createdAt = await store.now()
  const row = { agentId, createdAt, usedAt: null, revokedAt: null }
  if (certify === undefined) {
    const secret = newSecret('wxa')
    await store.credentials.add({ ...secretProof(secret), ...row, expiresAt: null })
    return secret
  }
  const pem = await certify(agentId, createdAt).catch((error: unknown) => {
    throw new Refusal('invalid', describeError(asWaxsealError(error)))
  })
  const { fingerprint: hash, notAfter: expiresAt } = readVersion(pem)
  await store.credentials.add({ kind: 'certificate', hash, ...row, expiresAt })
  return pem
}
