import type { Job } from '../documents/job.ts'
import type { Membership } from '../documents/membership.ts'
import { asWaxsealError } from '../error/waxseal-error.ts'
import { limits } from '../limit/limits.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { basisOf } from './basis-of.ts'
import { type ClientLife, clientLifeOf, credentialOf } from './client-pair.ts'
import { Credentials } from './credentials.ts'
import { type DiscoveryReport, discoveryBody, goneFeature } from './discovery-body.ts'
import { agentFeatures, type Heard, type HeardWaiting, readHeard, readWaiting } from './heard.ts'
import { type JobCalls, jobCalls } from './job-calls.ts'
import { type LookCalls, lookCalls } from './look-calls.ts'
import { isBeyond, isSharing, usableCas } from './offered-ca.ts'
import { type Endpoint, openSend, type Send, unusable } from './request.ts'
import { type RollbackCall, rollbackCall } from './rollback-call.ts'
import { tellRenewed } from './tell-renewed.ts'
import { beyond, type MalformedItem, toJob } from './to-job.ts'
import { watchForUnknownAgent } from './unknown-agent.ts'
import { clientCertificateSchema, exchangeSchema, registrationSchema, workSchema } from './wire.ts'

/** What the agent says of its host. */
export interface HostFacts {
  readonly version: string
  readonly hostname: string
  readonly os: string
  readonly architecture: string
  readonly ipAddress: string
}

/** Which host this is, so that two with one credential are noticed (protocol §4). */
export interface HostIdentity {
  /** A digest that tells machines apart, and not which they are. */
  readonly machine: string
  /** How often the agent has started with its state directory. */
  readonly starts: number
  /** Drawn at each start. */
  readonly run: string
}

/** What one target is like, against what was deployed to it. */
export interface TargetDrift {
  readonly target: string
  /** When it was looked at: RFC 3339, UTC. */
  readonly at: string
  /** What is not as it was deployed, a sentence each. */
  readonly reasons: readonly string[]
}

/** A new key, and a CSR for it, both PEM. */
export interface ClientRequest {
  readonly keyPem: string
  readonly csrPem: string
}

/** That a call for work is to wait for it. */
export interface WorkWait {
  readonly seconds: number
  /** Ends it at once. */
  readonly signal: AbortSignal
}

/** What a call for work brings. */
export interface Work extends HeardWaiting {
  readonly jobs: readonly Job[]
  readonly malformed: readonly MalformedItem[]
  /** The server asks for this pause before the next call, in milliseconds; null: it does not. */
  readonly retryAfterMs: number | null
}

/**
 * The control plane as an agent sees it (protocol §1). Each call fails with CONTROL_PLANE_UNREACHABLE (try again),
 * CONTROL_PLANE_REFUSED or AGENT_RETIRED.
 */
export interface ControlPlane extends JobCalls, LookCalls, RollbackCall {
  /** `host` goes to a server that has said that it takes it. */
  heartbeat(facts: HostFacts, host?: HostIdentity | null): Promise<Heard>
  /** Goes on with what was kept, as far as it belongs to what is configured. */
  adopt(membership: Membership): void
  /** What a membership of this host belongs to. `trust`: null: the CAs are the administrator's, and none is added. */
  readonly basis: { readonly trust: string | null; readonly credential: string }
  /** The credential that the server took last; null: none yet. */
  readonly proven: string | null
  /**
   * Of CAs that this server handed out, what can be trusted (PEM), and whether it is beyond what is configured. Null: nothing, or none of
   * them is one that is trusted already: then another server, a proxy that ends the connection, has the CA that counts.
   */
  judge(caPem: string, now: number): { readonly usable: string; readonly isBeyond: boolean } | null
  /** Of the credential that the server took last, where it is a client certificate; else null. */
  readonly clientLife: ClientLife | null
  /** Has the server make another credential. The present one is good until the new one was used. */
  exchangeCredential(): Promise<string>
  /** The same, a client certificate for this new key: the credential that both are. */
  exchangeClientCertificate(made: ClientRequest): Promise<string>
  /** The call is the claim: what it returns is not offered again. With `wait` a server that knows it answers once there is work. */
  work(wait?: WorkWait): Promise<Work>
  /**
   * What is not as it was deployed, a sentence each, as the errors of a discovery; a server with the feature `drift` is told of
   * targets that are in order, too. False: there was nothing that this server takes, and nothing was sent.
   */
  reportDrift(drift: readonly TargetDrift[]): Promise<boolean>
  /** Certificates that are on this host (protocol §1). `takesGone`: this server wants to know what is there no more (protocol §4); null: it has not said yet what it takes. */
  reportDiscovery(found: DiscoveryReport): Promise<void>
  readonly takesGone: boolean | null
  /** How far this clock is ahead of the server's at the last answer, in milliseconds; null: it has not said. */
  clockAheadMs(): number | null
  /** Whether a connection to the server is open. */
  readonly isConnected: boolean
  close(): Promise<void>
}

const isWork = schemaCheck<{ readonly jobs: readonly unknown[] | null }>(workSchema)
interface Registration {
  readonly id: string
  readonly api_key?: string
  readonly client_certificate_pem?: string
}

const isRegistration = schemaCheck<Registration>(registrationSchema)
const isClientCertificate = schemaCheck<{ readonly client_certificate_pem: string }>(clientCertificateSchema)
const isExchange = schemaCheck<{ readonly api_key: string }>(exchangeSchema)

/** What a call that waits may take beyond its wait, in milliseconds: the spread of the server, and its answer. */
const longestAnswerMs = 20_000

/** How one agent reaches its control plane. */
export interface AgentEndpoint extends Endpoint {
  readonly agentId: string
  /** CAs that the server hands out may be trusted beside `ca`; missing: `ca` is all that is trusted. */
  readonly followsCa?: boolean
  /** What this host does beside what every agent of this version knows (protocol §4). */
  readonly features?: readonly string[]
}

/** Opens the client of one agent. Connects at the first call. */
export function openControlPlane(options: AgentEndpoint): ControlPlane {
  const { send: sendOnce, clockAheadMs, trustAlso, isConnected, close } = openSend(options)
  const credentials = new Credentials(sendOnce, options.credential)
  const { send } = credentials
  const basis = basisOf(options)
  const agent = `/api/v1/agents/${encodeURIComponent(options.agentId)}`
  let added = ''
  let features: Heard['features'] = new Set()
  let hasHeard = false
  const watch = watchForUnknownAgent()
  const sendAsAgent: Send = async (call) => {
    try {
      const answer = await send(call)
      watch.answered()
      return answer
    } catch (error) {
      throw watch.failed(asWaxsealError(error))
    }
  }
  const calls = jobCalls(send, agent)
  return {
    ...calls,
    reportRenewed: tellRenewed(calls.reportRenewed, () => (hasHeard ? features : null)),
    ...lookCalls(sendAsAgent, agent, () => features.has('look')),
    ...rollbackCall(sendAsAgent, agent, () => features.has('rollback')),
    clockAheadMs,
    get isConnected() {
      return isConnected()
    },
    close,
    basis,
    get proven() {
      return credentials.proven
    },
    adopt: ({ trust, credential }) => {
      added = trust !== null && trust.basis === basis.trust ? trust.ca : ''
      trustAlso(added === '' ? null : added)
      if (credential?.basis === basis.credential) credentials.offer(credential.secrets)
    },
    judge: (caPem, now) => {
      const usable = usableCas(caPem, now)
      const configured = options.ca ?? ''
      if (usable === null || !isSharing(usable, `${configured}\n${added}`)) return null
      return { usable, isBeyond: isBeyond(usable, configured) }
    },
    exchangeCredential: async () => {
      const answer = await sendAsAgent({ method: 'POST', path: `${agent}/credential` })
      if (!isExchange(answer)) throw unusable('the answer to the exchange of the credential has no api_key')
      return answer.api_key
    },
    get clientLife() {
      return credentials.proven === null ? null : clientLifeOf(credentials.proven)
    },
    exchangeClientCertificate: async ({ keyPem, csrPem }) => {
      const body = { csr_pem: csrPem }
      const answer = await sendAsAgent({ method: 'POST', path: `${agent}/client-certificate`, body })
      if (!isClientCertificate(answer)) throw unusable('the answer to the CSR has no client_certificate_pem')
      return clientCredential(keyPem, answer.client_certificate_pem)
    },
    heartbeat: async (facts, host = null) => {
      const said = host === null || !features.has('host') ? {} : { host }
      const body = { ...toWire(facts), features: [...agentFeatures, ...(options.features ?? [])], ...said }
      const heard = readHeard(await sendAsAgent({ method: 'POST', path: `${agent}/heartbeat`, body }))
      features = heard.features
      hasHeard = true
      return heard
    },
    work: async (wait) => {
      let retryAfterMs: number | null = null
      const answer = await sendAsAgent({
        ...(wait === undefined ? {} : { signal: wait.signal, timeoutMs: wait.seconds * 1000 + longestAnswerMs }),
        method: 'GET',
        path: `${agent}/work${wait === undefined ? '' : `?wait=${wait.seconds}`}`,
        onRetryAfter: (ms) => {
          retryAfterMs = ms
        },
      })
      if (!isWork(answer)) throw unusable('the work answer has no list of jobs')
      const items = (answer.jobs ?? []).map((item, index) =>
        index < limits.jobsPerPoll.most ? toJob(item) : beyond(item),
      )
      return {
        jobs: items.filter((item) => 'kind' in item),
        malformed: items.filter((item): item is MalformedItem => !('kind' in item)),
        retryAfterMs,
        ...(wait === undefined ? { cancel: null, pollIntervalMs: null, splayMs: null } : readWaiting(answer)),
      }
    },
    reportDrift: async (drift) => {
      const errors = drift.flatMap(({ target, reasons }) => reasons.map((reason) => `${target}: ${reason}`))
      // A server that does not know the field has an error for a discovery without a finding.
      if (errors.length === 0 && !(features.has('drift') && drift.length > 0)) return false
      const body = {
        agent_id: options.agentId,
        directories: [],
        certificates: [],
        errors,
        scan_duration_ms: 0,
        drift: drift.map(({ target, at, reasons }) => ({ target_id: target, looked_at: at, reasons })),
      }
      await send({ method: 'POST', path: `${agent}/discoveries`, body })
      return true
    },
    get takesGone() {
      return hasHeard ? features.has(goneFeature) : null
    },
    reportDiscovery: async (found) => {
      const body = discoveryBody(options.agentId, found, features.has(goneFeature))
      await sendAsAgent({ method: 'POST', path: `${agent}/discoveries`, body })
    },
  }
}

/**
 * Registers this host with a one-time token. The credential is null where the server hands out none. Asked again with the same
 * `idempotencyKey`, a server that knows it answers the same agent: the first answer may have been lost.
 */
export async function register(
  endpoint: Endpoint,
  name: string,
  facts: HostFacts,
  idempotencyKey?: string,
  clientCsr?: string,
): Promise<{
  readonly agentId: string
  readonly credential: string | null
  readonly clientCertificate: string | null
}> {
  const { send, close } = openSend(endpoint)
  try {
    const answer = await send({
      method: 'POST',
      path: '/api/v1/agents',
      body: {
        name,
        ...toWire(facts),
        features: agentFeatures,
        ...(clientCsr === undefined ? {} : { client_csr_pem: clientCsr }),
      },
      ...(idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } }),
    })
    if (!isRegistration(answer)) throw unusable('the registration answer has no id')
    const { id: agentId, api_key: credential = null, client_certificate_pem: clientCertificate = null } = answer
    return { agentId, credential, clientCertificate }
  } finally {
    await close()
  }
}

/** The credential that a key and the certificate for it are. CONTROL_PLANE_UNREACHABLE: it is for another key, or is none. */
export function clientCredential(keyPem: string, certificatePem: string): string {
  try {
    const credential = credentialOf({ keyPem, certificatePem })
    if (clientLifeOf(credential) !== null) return credential
  } catch {
    // It is no certificate.
  }
  throw unusable('what the server sent is no client certificate for the key of this host')
}

function toWire({ ipAddress, ...facts }: HostFacts): object {
  return { ...facts, ip_address: ipAddress }
}
