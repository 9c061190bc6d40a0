import type { Membership } from '../documents/membership.ts'
import { basisOf } from './basis-of.ts'
import { type ClientLife, clientLifeOf } from './client-pair.ts'
import { type CredentialCalls, credentialCalls } from './credential-calls.ts'
import { Credentials } from './credentials.ts'
import { goneFeature } from './discovery-body.ts'
import { type DiscoveryCalls, discoveryCalls } from './discovery-calls.ts'
import { type FollowedCas, followCas } from './followed-cas.ts'
import { type HeartbeatCall, openHeartbeat } from './heartbeat.ts'
import { type JobCalls, jobCalls } from './job-calls.ts'
import { type LookCalls, lookCalls } from './look-calls.ts'
import { type Endpoint, openSend } from './request.ts'
import { type RollbackCall, rollbackCall } from './rollback-call.ts'
import { tellRenewed } from './tell-renewed.ts'
import { noticeUnknownAgent } from './unknown-agent.ts'
import { type WorkCall, workCall } from './work-call.ts'

/**
 * The control plane as an agent sees it (protocol §1). Each call fails with CONTROL_PLANE_UNREACHABLE (try again),
 * CONTROL_PLANE_REFUSED or AGENT_RETIRED.
 */
export interface ControlPlane
  extends HeartbeatCall,
    WorkCall,
    JobCalls,
    DiscoveryCalls,
    LookCalls,
    RollbackCall,
    CredentialCalls,
    Pick<FollowedCas, 'judge'> {
  /** Goes on with what was kept, as far as it belongs to what is configured. */
  adopt(membership: Membership): void
  /** What a membership of this host belongs to. `trust`: null: the CAs are the administrator's, and none is added. */
  readonly basis: { readonly trust: string | null; readonly credential: string }
  /** The credential that the server took last; null: none yet. */
  readonly proven: string | null
  /** Of the credential that the server took last, where it is a client certificate; else null. */
  readonly clientLife: ClientLife | null
  /** This server wants to know which certificates are there no more (protocol §4); null: it has not said yet what it takes. */
  readonly takesGone: boolean | null
  /** How far this clock is ahead of the server's at the last answer, in milliseconds; null: it has not said. */
  clockAheadMs(): number | null
  /** Whether a connection to the server is open. */
  readonly isConnected: boolean
  close(): Promise<void>
}

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
  const { agentId, credential, features = [] } = options
  const { send: sendOnce, clockAheadMs, trustAlso, isConnected, close } = openSend(options)
  const agent = `/api/v1/agents/${encodeURIComponent(agentId)}`
  const credentials = new Credentials(sendOnce, credential)
  const { send } = credentials
  const sendAsAgent = noticeUnknownAgent(send)
  const basis = basisOf(options)
  const cas = followCas(options, basis.trust, trustAlso)
  const { heartbeat, known } = openHeartbeat(sendAsAgent, agent, features)
  const knows = (feature: string): boolean => known()?.has(feature) === true
  const calls = jobCalls(send, agent)
  return {
    heartbeat,
    ...workCall(sendAsAgent, agent),
    ...calls,
    reportRenewed: tellRenewed(calls.reportRenewed, known),
    ...discoveryCalls({ send, sendAsAgent }, { agentId, agent }, knows),
    ...lookCalls(sendAsAgent, agent, () => knows('look')),
    ...rollbackCall(sendAsAgent, agent, () => knows('rollback')),
    ...credentialCalls(sendAsAgent, agent),
    judge: cas.judge,
    adopt: (kept) => {
      cas.adopt(kept.trust)
      if (kept.credential?.basis === basis.credential) credentials.offer(kept.credential.secrets)
    },
    basis,
    get proven() {
      return credentials.proven
    },
    get clientLife() {
      return credentials.proven === null ? null : clientLifeOf(credentials.proven)
    },
    get takesGone() {
      return known()?.has(goneFeature) ?? null
    },
    get isConnected() {
      return isConnected()
    },
    clockAheadMs,
    close,
  }
}
