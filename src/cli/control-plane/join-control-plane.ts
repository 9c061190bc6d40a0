import { randomBytes } from 'node:crypto'
import { type ClientRequest, clientCredential } from '../../control-plane/credential-calls.ts'
import type { HostFacts } from '../../control-plane/host-facts.ts'
import { unknownAgent } from '../../control-plane/unknown-agent.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { readSnapshot } from '../../host/file/files.ts'
import { durableRemove, durableWrite } from '../../host/file/write/durable-write.ts'
import { faceControlPlane, registerHost } from './face-control-plane.ts'

/** As whom a control plane knows this host. */
export interface KnownAgent {
  readonly agentId: string
  readonly credential: string
}

/** A registration that is asked for: should its answer be lost, it is asked for again by the same key. */
interface Attempt {
  readonly url: string
  readonly name: string
  readonly idempotencyKey: string
}

/** A registration that is not done yet: what it spent is not spent again. */
interface Pending {
  readonly url: string
  readonly name: string
  readonly agentId: string
  /** Null: the server handed out none. */
  readonly credential: string | null
}

/** How a host registers. */
export interface Joining {
  readonly token: string
  readonly name: string
  readonly pendingFile: string
  /** Makes the key for a client certificate, which is asked for then; left out: none is. */
  readonly makeClientRequest?: (() => Promise<ClientRequest>) | undefined
}

/** The control plane, and what this host says of itself. */
export interface Meeting {
  readonly url: string
  readonly ca: string
  readonly facts: HostFacts
}

/** An agent that its operator made: a heartbeat tells whether the id and the key belong together. Fails with the way out. */
export async function joinAsKnown(meeting: Meeting, { agentId, credential }: KnownAgent): Promise<void> {
  const { url, ca, facts } = meeting
  try {
    await faceControlPlane({ url, ca, credential, agentId }).heartbeat(facts)
  } catch (error) {
    throw withHint(asWaxsealError(error), wayOutOfHeartbeat)
  }
}

/**
 * Registers with a token, once: what is asked for is durable in `pendingFile` before it is asked, the id that was answered before
 * anything else can fail, and a second try goes on with either. Where the server hands out no credential, the token is tried as one.
 */
export async function joinAsNew(meeting: Meeting, options: Joining): Promise<KnownAgent> {
  const { agentId, credential } = await registration(meeting, options)
  if (credential !== null) return { agentId, credential }
  const { token } = options
  await joinAsKnown(meeting, { agentId, credential: token }).catch((error: unknown) => {
    const { code, details } = asWaxsealError(error)
    const reason = 'the host is registered; the server handed out no credential, and does not take the token for one'
    const hint = `Have its operator make an API key for this agent, put it into a file, then: ${byKey(meeting.url, agentId)}`
    throw new WaxsealError(code, { ...details, agentId, reason, hint }, { cause: error })
  })
  return { agentId, credential: token }
}

/** The registration that waits in this file for its end; null: none for this control plane and name. */
export async function pendingFor(file: string, url: string, name: string): Promise<Pending | null> {
  const pending = await read(file, url, name)
  return pending !== null && 'agentId' in pending ? pending : null
}

/** Nothing waits any more: the host is enrolled, or begins anew. */
export async function forgetPending(file: string): Promise<void> {
  await durableRemove(file)
}

async function registration(
  { url, ca, facts }: Meeting,
  { token, name, pendingFile, makeClientRequest }: Joining,
): Promise<Pending> {
  const earlier = await pendingFor(pendingFile, url, name)
  if (earlier !== null) return earlier
  const before = await attemptIn(pendingFile, url, name)
  const attempt = before ?? { url, name, idempotencyKey: randomBytes(32).toString('hex') }
  await durableWrite(pendingFile, Buffer.from(`${JSON.stringify(attempt)}\n`)).catch(unwritable())
  const made = await makeClientRequest?.()
  const wanted = { name, idempotencyKey: attempt.idempotencyKey, clientCsr: made?.csrPem }
  const registered = await registerHost({ url, ca, credential: token }, wanted, facts).catch((error: unknown) => {
    throw withHint(asWaxsealError(error), (refusal) => wayOutOfRegistration(refusal, url, before !== null))
  })
  const { agentId, clientCertificate } = registered
  const isCertificate = made !== undefined && clientCertificate !== null
  const credential = isCertificate ? clientCredential(made.keyPem, clientCertificate) : registered.credential
  const pending: Pending = { url, name, agentId, credential }
  await durableWrite(pendingFile, Buffer.from(`${JSON.stringify(pending)}\n`)).catch(unwritable(pending.agentId))
  return pending
}

function unwritable(agentId?: string): (error: unknown) => never {
  return (error) => {
    const { details } = asWaxsealError(error)
    const registered = agentId === undefined ? {} : { agentId }
    throw new WaxsealError('CONFIG_INVALID', { ...details, path: '--credential-file', ...registered })
  }
}

async function attemptIn(file: string, url: string, name: string): Promise<Attempt | null> {
  const attempt = await read(file, url, name)
  return attempt !== null && 'idempotencyKey' in attempt ? attempt : null
}

async function read(file: string, url: string, name: string): Promise<Pending | Attempt | null> {
  const bytes = (await readSnapshot(file).catch(() => null))?.bytes
  const found = bytes === undefined ? null : parse(Buffer.from(bytes).toString('utf8'))
  return found?.url === url && found.name === name ? found : null
}

function parse(text: string): Pending | Attempt | null {
  try {
    const value = JSON.parse(text) as Partial<Pending & Attempt> | null
    const { url, name, agentId, credential = null, idempotencyKey } = value ?? {}
    if (typeof url !== 'string' || typeof name !== 'string') return null
    if (typeof agentId === 'string')
      return { url, name, agentId, credential: typeof credential === 'string' ? credential : null }
    const isKey = typeof idempotencyKey === 'string' && /^[0-9a-f]{64}$/.test(idempotencyKey)
    return isKey ? { url, name, idempotencyKey } : null
  } catch {
    return null
  }
}

function withHint(error: WaxsealError, wayOut: (error: WaxsealError) => string | null): WaxsealError {
  const hint = wayOut(error)
  return hint === null ? error : new WaxsealError(error.code, { ...error.details, hint }, { cause: error })
}

function byKey(url: string, agentId = 'ID'): string {
  return `waxseal enroll --url ${url} --agent-id ${agentId} --key-file FILE`
}

function wayOutOfUnreachable({ details }: WaxsealError): string | null {
  return details['hint'] === undefined ? null : 'Name the CA of the control plane with --ca-file.'
}

function wayOutOfRegistration(error: WaxsealError, url: string, isAgain: boolean): string | null {
  const { code, details } = error
  const { status, answer } = details
  if (code === 'CONTROL_PLANE_UNREACHABLE')
    return wayOutOfUnreachable(error) ?? 'Then run the same again, with the same token: it makes no second agent.'
  if (String(answer).includes('invalid_or_missing_bootstrap_token'))
    return `This server wants an API key and its bootstrap token in one header, so that no agent can register itself. Have its operator make an agent and a key for it, then: ${byKey(url)}`
  if (status === 401)
    return `A token is good for one registration: make another with waxseal control-plane token. At another server it is an API key; where its operator made the agent: ${byKey(url)}`
  if (status === 403)
    return `This key may not register agents. Give one that may, or have its operator make the agent and a key for it, then: ${byKey(url)}`
  if (status === 409 && isAgain)
    return `An earlier try, whose answer did not arrive, may have registered this host: run it again with the token of that try. If the agent of this name is this host: ${byKey(url)}`
  if (status === 409) return `Give another name with --name. If the agent of this name is this host: ${byKey(url)}`
  return null
}

function wayOutOfHeartbeat(error: WaxsealError): string | null {
  const { code, details } = error
  const { status } = details
  if (code === 'AGENT_RETIRED') return 'The server has retired the agent of this id. Have its operator make another.'
  if (status === 500) return unknownAgent.replace('control_plane.agent_id (CERTCTL_AGENT_ID)', '--agent-id')
  if (code === 'CONTROL_PLANE_UNREACHABLE') return wayOutOfUnreachable(error)
  if (status === 401) return 'The server does not know this key: is the file of --key-file the right one, and whole?'
  if (status === 403)
    return 'This key may not speak for this agent: its role must be that of agents, and the id its own.'
  return status === 404 ? 'The server does not know this id: is --agent-id right?' : null
}
