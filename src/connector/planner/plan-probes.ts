import { WaxsealError } from '../../error/waxseal-error.ts'
import { limits } from '../../limit/limits.ts'
import type { Material } from '../../material/material.ts'
import { type Probe, type ProbeProtocol, probeProtocols, type RetrySchedule } from '../../plan/plan.ts'
import { protocolOfPort } from '../../plan/protocol-of-port.ts'
import { durationField, invalidField } from './field.ts'
import type { EndpointTarget, VerifyTarget } from './target.ts'

const tryMs = 10_000

/** The probes of a target, or why it has none. */
export interface PlannedProbes {
  readonly probes: readonly Probe[]
  readonly unverified: string | null
}

/** One probe per endpoint that the target names. */
export function planProbes(target: VerifyTarget, material: Material): PlannedProbes {
  const verify = target.post_deploy_verify ?? {}
  if (verify.enabled === false) {
    return { probes: [], unverified: 'Nothing was verified: the target says post_deploy_verify.enabled: false.' }
  }
  const timeoutMs = Math.max(
    1,
    Math.round(orDefault('post_deploy_verify.timeout', verify.timeout, tryMs, 'probeTimeout')),
  )
  const endpoints = [...endpointOfVerify(verify), ...(target.endpoints ?? []).map(asEndpoint)]
  const probes = endpoints.map((endpoint) => planProbe(endpoint, material, timeoutMs))
  const unverified =
    probes.length > 0
      ? null
      : 'Nothing was verified: the target names no endpoint, and no listener is known to read its files.'
  return { probes, unverified }
}

function endpointOfVerify(verify: NonNullable<VerifyTarget['post_deploy_verify']>): readonly EndpointTarget[] {
  const { enabled: _, timeout: __, endpoint, ...rest } = verify
  return endpoint === undefined || endpoint === '' ? [] : [{ ...rest, endpoint }]
}

function asEndpoint(endpoint: string | EndpointTarget): EndpointTarget {
  return typeof endpoint === 'string' ? { endpoint } : endpoint
}

function planProbe(target: EndpointTarget, material: Material, timeoutMs: number): Probe {
  const rest = (host: string | null): Omit<Probe, 'host' | 'port' | 'protocol'> => ({
    servername: target.servername ?? serverNameFor(material, host),
    keyType: target.key_type ?? null,
    ...proxyOf(target),
    timeoutMs,
  })
  const socket = /^unix:(\/[^\0]+)$/.exec(target.endpoint)?.[1]
  if (socket !== undefined)
    return { host: socket, port: 0, protocol: asProtocol(target.protocol) ?? 'lmtp', ...rest(null) }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/\s]+)):(\d{1,5})$/.exec(target.endpoint)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65535) {
    throw invalidField('endpoint', `"${target.endpoint}" is not HOST:PORT, [ADDRESS]:PORT or unix:/PATH`)
  }
  return { host, port, protocol: asProtocol(target.protocol) ?? protocolOfPort(port), ...rest(host) }
}

function proxyOf({ proxy }: EndpointTarget): Pick<Probe, 'proxy'> {
  if (proxy === undefined) return {}
  return { proxy: proxy === 1 || proxy === 'v1' ? 1 : 2 }
}

const hostName = /^(?![\d.]+$)[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i

/**
 * A name of the certificate that a client could ask for: the host's own where the certificate covers it, else the first
 * that is no pattern, else one that a pattern covers. Null: it has none.
 */
export function serverNameFor({ leaf }: Material, host: string | null = null): string | null {
  const isCovered = (name: string): boolean =>
    leaf.names.some((own) => own.toLowerCase() === name || own.toLowerCase() === name.replace(/^[^.]+/, '*'))
  if (host !== null && hostName.test(host) && isCovered(host.toLowerCase())) return host.toLowerCase()
  const askable = leaf.names.map((name) => name.replace(/^\*\./, 'waxseal.')).filter((name) => hostName.test(name))
  return askable.find((name) => leaf.names.includes(name)) ?? askable[0] ?? null
}

function asProtocol(name: string | undefined): ProbeProtocol | undefined {
  return probeProtocols.find((protocol) => protocol === name)
}

/** Protocol §3: a target that sets none of the three gets ours, one that sets any gets the published defaults for the others. */
export function planRetry(target: VerifyTarget): RetrySchedule {
  const attempts = target.post_deploy_verify_attempts
  const backoff = target.post_deploy_verify_backoff
  const longest = target.post_deploy_verify_max_backoff
  if (!attempts && !backoff && !longest) return { attempts: 8, initialMs: 100, maxMs: 16_000 }
  return {
    attempts: attempts || 3,
    initialMs: orDefault('post_deploy_verify_backoff', backoff, 1000, 'verifyBackoff'),
    maxMs: orDefault('post_deploy_verify_max_backoff', longest, 16_000, 'verifyBackoff'),
  }
}

/** Zero means unset on the wire, where absent numbers are written as 0. */
function orDefault(
  field: string,
  value: string | number | undefined,
  otherwise: number,
  limit: 'probeTimeout' | 'verifyBackoff',
): number {
  if (value === undefined || value === 0) return otherwise
  const ms = durationField(field, value)
  if (ms <= limits[limit].most) return ms
  throw new WaxsealError('TARGET_INVALID', {
    field,
    reason: 'it is longer than this host waits',
    limit,
    most: limits[limit].most,
  })
}
