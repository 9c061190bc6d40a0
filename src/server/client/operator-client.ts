import { Agent } from 'undici'
import { connectTls } from '../../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../../control-plane/request.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { BindingBody, CertificateBody, TargetBody } from '../route/bodies.ts'
import type { PolicyBody } from '../route/policy-body.ts'
import { type DaneCalls, daneCalls } from './dane-client.ts'
import type { IssuerOnList } from './issuer-client.ts'
import { type LabelCalls, labelCalls } from './label-client.ts'
import { type LookCalls, lookCalls } from './look-client.ts'
import { type MatterCalls, matterCalls } from './matter-client.ts'
import { type OrderCalls, orderCalls } from './order-client.ts'
import { type Call, type PeopleCalls, peopleCalls, queryOf } from './people-client.ts'
import { type RenewalCalls, renewalCalls } from './renewal-client.ts'
import { type RolloutCalls, rolloutCalls } from './rollout-client.ts'
import { type WindowCalls, windowCalls } from './window-client.ts'

/** A job as the operator sees it. */
export interface OperatorJob {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly agent_id: string
  readonly certificate_id: string
  readonly target_id: string | null
  readonly error: string | null
  readonly outcome?: { readonly outcome: string; readonly message: string } | null
  readonly verification: unknown
  readonly cancel_requested_at?: string | null
  readonly updated_at: string
}

/** How one certificate is renewed. */
export type CertificatePolicy = Required<PolicyBody> & { readonly certificate_id: string }

/** The operator's side of the bundled control plane. Each call fails with CONTROL_PLANE_UNREACHABLE or _REFUSED. */
export interface Operator
  extends PeopleCalls,
    LabelCalls,
    OrderCalls,
    RenewalCalls,
    RolloutCalls,
    DaneCalls,
    WindowCalls,
    MatterCalls,
    LookCalls {
  agents(): Promise<readonly Readonly<Record<string, unknown>>[]>
  targets(): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Returns the target's id. */
  addTarget(target: TargetBody): Promise<string>
  requestCertificate(request: CertificateBody): Promise<{ readonly certificate_id: string; readonly job_id: string }>
  deploy(certificateId: string, targetId: string): Promise<string>
  /** Has a target compared with what was deployed to it; returns the job's id. */
  validate(targetId: string): Promise<string>
  /** Has a target go back to a certificate that was deployed to it; left out: to the one before the newest. Returns the job's id. */
  takeBack(targetId: string, certificateId?: string): Promise<string>
  jobs(): Promise<readonly OperatorJob[]>
  job(id: string): Promise<OperatorJob>
  /** Cancels a job that nobody has, or asks its agent to; returns the state that it is in now. */
  cancel(jobId: string): Promise<string>
  /** Ends a job as Failed whose host is gone for good. */
  end(jobId: string): Promise<void>
  retire(agentId: string): Promise<void>
  certificates(): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** How a certificate is renewed, by id or common name. */
  policy(certificate: string): Promise<CertificatePolicy>
  /** What is left out stays. */
  changePolicy(certificate: string, change: PolicyBody): Promise<CertificatePolicy>
  /** Has a certificate take the place of one that was found, by its fingerprint; `job_id` null: when that one is due. */
  bind(
    fingerprint: string,
    binding: BindingBody,
  ): Promise<{
    readonly certificate_id: string
    readonly job_id: string | null
    readonly next_renewal_at: string | null
  }>
  /** Who signs, in the order in which they are asked. */
  issuers(): Promise<readonly IssuerOnList[]>
  /** Makes the account of an issuer at its CA: its URL, and the thumbprint of its key. */
  registerIssuer(name: string): Promise<{ readonly account: string; readonly thumbprint: string }>
  /** Renews a certificate now, by id or common name. */
  renew(certificate: string): Promise<{ readonly certificate_id: string; readonly job_id: string }>
  /** Revokes all that is valid of it, and begins its renewal with a new key; `job_id` null: its agent is retired. */
  revoke(
    certificate: string,
    reason?: string,
  ): Promise<{
    readonly certificate_id: string
    readonly serials: readonly string[]
    readonly job_id: string | null
  }>
  close(): Promise<void>
}

/** Where the control plane is, and what an operator is known by. */
export interface OperatorAccess {
  readonly url: string
  readonly caPem: string
  readonly operatorToken: string
}

/** Opens the operator's client. */
export function openOperator(at: OperatorAccess): Operator {
  const agent = new Agent({
    allowH2: false,
    connect: connectTls({ allowH2: false, ca: at.caPem, minVersion: 'TLSv1.3' }),
  })
  const call = callOver(agent, at)
  return {
    ...peopleCalls(call),
    ...labelCalls(call),
    ...orderCalls(call),
    ...matterCalls(call),
    ...renewalCalls(call),
    ...lookCalls(call),
    ...rolloutCalls(call, queryOf),
    ...daneCalls(call, queryOf),
    ...windowCalls(call),
    agents: async () => (await call<{ agents: Record<string, unknown>[] }>('GET', '/agents')).agents,
    targets: async () => (await call<{ targets: Record<string, unknown>[] }>('GET', '/targets')).targets,
    addTarget: async (target) => (await call<{ id: string }>('POST', '/targets', target)).id,
    requestCertificate: (wanted) => call('POST', '/certificates', wanted),
    deploy: async (certificateId, targetId) => {
      const body = { certificate_id: certificateId, target_id: targetId }
      return (await call<{ job_id: string }>('POST', '/deployments', body)).job_id
    },
    validate: async (targetId) =>
      (await call<{ job_id: string }>('POST', '/validations', { target_id: targetId })).job_id,
    takeBack: async (targetId, certificateId) => {
      const body = { target_id: targetId, ...(certificateId === undefined ? {} : { certificate_id: certificateId }) }
      return (await call<{ job_id: string }>('POST', '/take-backs', body)).job_id
    },
    jobs: async () => (await call<{ jobs: OperatorJob[] }>('GET', '/jobs')).jobs,
    job: (id) => call('GET', `/jobs/${encodeURIComponent(id)}`),
    cancel: async (id) => (await call<{ status: string }>('POST', `/jobs/${encodeURIComponent(id)}/cancel`)).status,
    end: async (id) => {
      await call('POST', `/jobs/${encodeURIComponent(id)}/end`)
    },
    retire: async (agentId) => {
      await call('POST', `/agents/${encodeURIComponent(agentId)}/retire`)
    },
    certificates: async () =>
      (await call<{ certificates: Record<string, unknown>[] }>('GET', '/certificates')).certificates,
    policy: (certificate) => call('GET', `/certificates/${encodeURIComponent(certificate)}/policy`),
    changePolicy: (certificate, change) =>
      call('POST', `/certificates/${encodeURIComponent(certificate)}/policy`, change),
    bind: (fingerprint, binding) => call('POST', `/discovered/${encodeURIComponent(fingerprint)}/bind`, binding),
    issuers: async () => (await call<{ issuers: readonly IssuerOnList[] }>('GET', '/issuers')).issuers,
    registerIssuer: (name) => call('POST', `/issuers/${encodeURIComponent(name)}/register`),
    renew: (certificate) => call('POST', `/certificates/${encodeURIComponent(certificate)}/renew`),
    revoke: (certificate, reason) =>
      call(
        'POST',
        `/certificates/${encodeURIComponent(certificate)}/revoke`,
        reason === undefined ? undefined : { reason },
      ),
    close: () => agent.destroy(),
  }
}

const mostBytes = 64 * 1024 * 1024

/** `Answer` is what the bundled control plane of the same version sends; what a proxy sends in its place is told, and believed in nothing. */
function callOver(agent: Agent, at: OperatorAccess): Call {
  return async <Answer>(method: 'GET' | 'POST', path: string, body: object | null = null): Promise<Answer> => {
    const { status, text } = await ask(agent, at, method, path, body).catch((error: unknown) => {
      const { reason, isUntrusted } = whyNoAnswer(error)
      const hint = isUntrusted
        ? 'name the CA of this control plane with --ca-file'
        : 'see that it runs (waxseal control-plane serve), and that --url and --ca-file name it and its CA'
      throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { url: at.url, reason, hint })
    })
    const document = parsed(text)
    if (status >= 300) throw new WaxsealError('CONTROL_PLANE_REFUSED', { status, answer: reasonIn(document, text) })
    if (document !== undefined) return document as Answer
    const hint = 'something else answers at this URL: name the control plane itself with --url'
    throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { url: at.url, reason: 'its answer is no JSON', hint })
  }
}

async function ask(
  agent: Agent,
  at: OperatorAccess,
  method: 'GET' | 'POST',
  path: string,
  body: object | null,
): Promise<{ readonly status: number; readonly text: string }> {
  const { statusCode: status, body: answer } = await agent.request({
    origin: at.url,
    path: `/operator/v1${path}`,
    method,
    headers: {
      authorization: `Bearer ${at.operatorToken}`,
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    },
    body: body === null ? null : JSON.stringify(body),
  })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > mostBytes) throw new Error(`its answer is larger than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return { status, text: Buffer.concat(chunks).toString('utf8') }
}

/** Undefined: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonIn(document: unknown, text: string): string {
  const error = typeof document === 'object' && document !== null && 'error' in document ? document.error : null
  return (typeof error === 'string' ? error : text).slice(0, 1000)
}
