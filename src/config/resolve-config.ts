import { createTask, validate } from 'node-cron'
import { limits } from '../limit/limits.ts'
import type { WrittenNotify } from '../notice/notify-settings.ts'
import { resolveNotify } from '../notice/resolve-notify.ts'
import { parseDuration } from '../plan/duration.ts'
import type { Config, ControlPlaneConfig, PolicyConfig } from './config.ts'
import { resolveInstances, type WrittenInstance } from './instances.ts'
import { configInvalid } from './parse-yaml.ts'
import { resolvePolicy, type WrittenPolicy } from './resolve-policy.ts'

type Written = string | number

/** The configuration as people write it, by its schema. */
export interface WrittenConfig {
  readonly control_plane?: {
    readonly url?: string
    readonly ca_file?: string
    readonly agent_id?: string
    readonly agent_name?: string
    readonly credential_file?: string
    readonly client_certificate?: boolean
  }
  readonly state_dir?: string
  readonly targets_dir?: string
  readonly poll_interval?: Written
  readonly poll_wait?: Written
  readonly heartbeat_interval?: Written
  readonly parallel_services?: number
  readonly discovery?: { readonly folders?: readonly string[] }
  readonly notify?: Omit<WrittenNotify, 'silent_after'>
  readonly mta_sts?: { readonly domains?: readonly string[] }
  readonly drift_watch?: string
  readonly status?: { readonly listen?: string }
  readonly policy?: WrittenPolicy
  readonly instances?: Readonly<Record<string, WrittenInstance>>
  readonly timeouts?: { readonly check?: Written; readonly activate?: Written }
  readonly connectors?: readonly string[]
  readonly log_level?: Config['logLevel']
}

type Environment = Readonly<Record<string, string | undefined>>

/** Every default filled in; the environment wins over the file. Frozen. */
export function resolveConfig(
  written: WrittenConfig,
  env: Environment,
  file: string,
  { orders, ...own }: Pick<Config, 'targetsDir' | 'hostTargets'> & Pick<PolicyConfig, 'orders'>,
): Config {
  const duration = (
    path: string,
    value: Written | undefined,
    otherwise: number,
    limit: 'interval' | 'commandTimeout',
  ): number => (value === undefined ? otherwise : durationAt(file, path, value, limit))
  return freeze({
    controlPlane: resolveControlPlane(written.control_plane, env, file),
    stateDir: written.state_dir ?? '/var/lib/waxseal',
    keyDir: env['WAXSEAL_KEY_DIR'] || null,
    foreignKeyDir: env['CERTCTL_KEY_DIR'] || null,
    ...own,
    discovery: { folders: searchedFolders(written.discovery?.folders, setting(env, 'DISCOVERY_DIRS')) },
    pollIntervalMs: duration('poll_interval', written.poll_interval, 30_000, 'interval'),
    pollWaitMs: written.poll_wait === 'off' ? 0 : duration('poll_wait', written.poll_wait, 30_000, 'interval'),
    heartbeatIntervalMs: duration('heartbeat_interval', written.heartbeat_interval, 60_000, 'interval'),
    parallelServices: written.parallel_services ?? 4,
    driftWatch: driftWatchAt(file, written.drift_watch ?? 'hourly'),
    notify: written.notify === undefined ? null : notifyAt(file, written.notify),
    mtaSts: { domains: written.mta_sts?.domains ?? null },
    status: listenAt(file, written.status?.listen ?? '127.0.0.1:9780'),
    policy: resolvePolicy(written.policy ?? {}, orders, file),
    instances: resolveInstances(written.instances ?? {}, file),
    timeouts: {
      checkMs: duration('timeouts.check', written.timeouts?.check, 30_000, 'commandTimeout'),
      activateMs: duration('timeouts.activate', written.timeouts?.activate, 60_000, 'commandTimeout'),
    },
    connectors: written.connectors ?? [],
    logLevel: resolveLogLevel(setting(env, 'LOG_LEVEL')) ?? written.log_level ?? 'info',
  })
}

function notifyAt(file: string, written: Omit<WrittenNotify, 'silent_after'>): Config['notify'] {
  for (const [place, { url }] of (written.webhooks ?? []).entries())
    if (!URL.canParse(url))
      throw configInvalid(file, `notify.webhooks[${place}].url`, 'it is no URL', 'Write it as https://HOST/PATH.')
  if (written.command?.[0].startsWith('/') === false)
    throw configInvalid(
      file,
      'notify.command',
      'its program is no absolute path',
      'For example: [/usr/local/bin/page].',
    )
  return resolveNotify(written, parseDuration)
}

function resolveControlPlane(
  written: WrittenConfig['control_plane'],
  env: Environment,
  file: string,
): ControlPlaneConfig | null {
  const url = setting(env, 'SERVER_URL') ?? written?.url
  if (url === undefined && written === undefined) return null
  if (url === undefined)
    throw configInvalid(file, 'control_plane.url', 'it is missing', 'Write it as https://HOST:PORT.')
  if (!url.startsWith('https://') || !URL.canParse(url)) {
    throw configInvalid(
      file,
      'control_plane.url',
      'it is not an https URL',
      'Write it as https://HOST:PORT; the environment (WAXSEAL_SERVER_URL) wins over the file.',
    )
  }
  return {
    url: url.replace(/\/+$/, ''),
    caFile: setting(env, 'SERVER_CA_BUNDLE_PATH') ?? written?.ca_file ?? null,
    agentId: setting(env, 'AGENT_ID') ?? written?.agent_id ?? null,
    agentName: setting(env, 'AGENT_NAME') ?? written?.agent_name ?? null,
    credentialFile: written?.credential_file ?? null,
    clientCertificate: written?.client_certificate ?? null,
  }
}

/** Our name for a setting in the environment wins over the reference agent's (protocol §2). */
function setting(env: Environment, name: string): string | undefined {
  return [env[`WAXSEAL_${name}`], env[`CERTCTL_${name}`]].find((value) => value !== undefined && value !== '')
}

/** The environment has them as `/etc/ssl, /srv/tls`: one that is of no use stops no agent, and is told by the search. */
function searchedFolders(written: readonly string[] = [], listed: string | undefined): readonly string[] {
  if (listed === undefined) return written
  const folders = listed.split(',').map((entry) => entry.trim())
  return folders.filter((entry) => entry !== '').slice(0, limits.searchedFolders.most)
}

function resolveLogLevel(level: string | undefined): Config['logLevel'] | undefined {
  const levels = ['debug', 'info', 'warn', 'error'] as const
  return levels.find((known) => known === level?.toLowerCase())
}

function durationAt(file: string, path: string, value: Written, limit: 'interval' | 'commandTimeout'): number {
  const ms = parsedDuration(file, path, value)
  const { most } = limits[limit]
  if (ms > most) throw configInvalid(file, path, `it is longer than ${most / 60_000}m`, `docs/limits.md: ${limit}.`)
  if (ms >= 1) return Math.round(ms)
  throw configInvalid(file, path, 'it is shorter than 1ms; a bare number is nanoseconds', 'For example: 30s.')
}

function parsedDuration(file: string, path: string, value: Written): number {
  try {
    return parseDuration(value)
  } catch (error) {
    throw configInvalid(file, path, (error as Error).message, 'For example: 30s.')
  }
}

function driftWatchAt(file: string, expression: string): string | null {
  if (expression === 'off') return null
  if (expression === 'hourly' || isCron(expression)) return expression
  throw configInvalid(
    file,
    'drift_watch',
    'it is not a cron expression, or one that never comes',
    'Write hourly, off, or five fields such as "17 * * * *".',
  )
}

function isCron(expression: string): boolean {
  try {
    return validate(expression) && comesAtAll(expression)
  } catch {
    return false
  }
}

/** Throws for a day that never comes, such as the fifth Monday of a first week: `validate` takes it. */
function comesAtAll(expression: string): boolean {
  const task = createTask(expression, () => {})
  try {
    return task.getNextRuns(1).length === 1
  } finally {
    void task.destroy()
  }
}

function listenAt(file: string, listen: string): Config['status'] {
  if (listen === 'off') return null
  if (listen.startsWith('unix:/')) return { socket: listen.slice('unix:'.length) }
  const match = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):(\d{1,5})$/.exec(listen)
  const port = Number(match?.[2])
  if (match?.[1] !== undefined && port <= 65535) return { host: match[1].replaceAll(/[[\]]/g, ''), port }
  throw configInvalid(
    file,
    'status.listen',
    'it is not a loopback address and port',
    'Write 127.0.0.1:9780, unix:/run/waxseal-page/page.sock or off.',
  )
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner)
  return Object.freeze(value)
}
