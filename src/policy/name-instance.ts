import { dirname } from 'node:path'
import type { InstanceConfig } from '../config/instances.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { ownPlace } from '../host/file/link/own-path.ts'
import { parseAdminUrl, writeAdminUrl } from '../plan/admin-url.ts'

type Fields = Readonly<Record<string, unknown>>

/** What is said of a target before anything is read for it. */
export interface Said {
  /** By the job: blanked fields are left out. Nothing, where the host says all itself. */
  readonly byJob: Fields
  /** By the host: in its own target file, or by root on the command line. */
  readonly byHost: Fields
}

/** What a connector says of its daemon as it is by default. */
export interface UsualDaemon {
  /** The connector's name. */
  readonly name: string
  /** Its settings, each way to write them. */
  readonly config: readonly string[]
  readonly admin: readonly string[]
  /** The sockets that its own settings have. */
  sockets(): Promise<readonly string[]>
}

/** The fields of targets that name an instance of a daemon. */
export const instanceFields = ['instance', 'daemon_config', 'runtime_socket', 'master_socket', 'admin_api'] as const

const keys = {
  daemon_config: 'config',
  runtime_socket: 'socket',
  master_socket: 'masterSocket',
  admin_api: 'admin',
} as const
type Field = keyof typeof keys

/**
 * The instance of its daemon that a target means; null: the default one. What a job names has to be in the configuration, in the
 * host's own target file, or what the daemon itself has by default; else INSTANCE_NOT_ALLOWED has the line to write. Of the host,
 * nothing is read that a job names.
 */
export async function nameInstance(
  said: Said,
  usual: UsualDaemon,
  instances: readonly InstanceConfig[],
): Promise<InstanceConfig | null> {
  const known = instances.filter(({ connector }) => connector === usual.name)
  const own = ownInstance(said.byHost, usual, known)
  const wanted = wantedIn(said.byJob)
  const name = said.byJob['instance']
  const found =
    name === undefined ? await agreeing(wanted, [own ?? defaultOf(usual), ...known, defaultOf(usual)], usual) : null
  const chosen =
    found ??
    (await agreeing(
      wanted,
      known.filter((one) => one.name === name),
      usual,
    ))
  if (chosen === null) throw notAllowed(said.byJob, wanted, usual)
  await requireOwn(chosen, usual)
  return isDefault(chosen) ? null : chosen
}

/** As the host's own words have it; null: they say nothing of it. */
function ownInstance(byHost: Fields, usual: UsualDaemon, known: readonly InstanceConfig[]): InstanceConfig | null {
  const name = byHost['instance']
  const named = known.find((one) => one.name === name)
  if (name !== undefined && named === undefined) throw notAllowed(byHost, new Map(), usual)
  const wanted = wantedIn(byHost)
  if (named === undefined && wanted.size === 0) return null
  return withWords(named ?? defaultOf(usual), wanted)
}

function defaultOf({ name: connector }: UsualDaemon): InstanceConfig {
  const nothing = { config: null, socket: null, masterSocket: null, admin: null, run: null, paths: [] }
  return { name: '', connector, ...nothing }
}

function isDefault({ config, socket, masterSocket, admin, run }: InstanceConfig): boolean {
  return [config, socket, masterSocket, admin, run].every((part) => part === null)
}

function wantedIn(fields: Fields): ReadonlyMap<Field, string> {
  const names = Object.keys(keys) as readonly Field[]
  return new Map(names.flatMap((name) => (typeof fields[name] === 'string' ? [[name, plain(name, fields[name])]] : [])))
}

/** Two ways to write one thing are one. */
function plain(field: Field, text: string): string {
  if (field !== 'admin_api') return text.length > 1 ? text.replace(/\/+$/, '') : text
  const url = parseAdminUrl(text)
  return url === null ? text : writeAdminUrl(url)
}

/** Of two sockets the one that is asked for is used. */
function withWords(instance: InstanceConfig, wanted: ReadonlyMap<Field, string>): InstanceConfig {
  const isOneOf = wanted.has('runtime_socket') || wanted.has('master_socket')
  const bare = isOneOf ? { ...instance, socket: null, masterSocket: null } : instance
  return { ...bare, ...Object.fromEntries([...wanted].map(([field, value]) => [keys[field], value])) }
}

/** The first that says the same as the job in each field that the job has. */
async function agreeing(
  wanted: ReadonlyMap<Field, string>,
  candidates: readonly InstanceConfig[],
  usual: UsualDaemon,
): Promise<InstanceConfig | null> {
  for (const candidate of candidates) {
    const words = new Map<Field, string>()
    let agrees = true
    for (const [field, value] of wanted) {
      const saysSame =
        candidate[keys[field]] === null
          ? await isUsual(field, value, candidate, usual)
          : plainOf(candidate, field) === value
      agrees &&= saysSame
      // What the daemon has by default is asked for as it always is.
      if (candidate[keys[field]] !== null || field.endsWith('_socket')) words.set(field, value)
    }
    if (agrees) return withWords(candidate, words)
  }
  return null
}

function plainOf(instance: InstanceConfig, field: Field): string {
  return plain(field, instance[keys[field]] ?? '')
}

/** The default settings' sockets are those of the default settings alone. */
async function isUsual(field: Field, value: string, { config }: InstanceConfig, usual: UsualDaemon): Promise<boolean> {
  if (field === 'daemon_config') return usual.config.includes(value)
  if (field === 'admin_api') return usual.admin.includes(value)
  return config === null && (await usual.sockets()).includes(value)
}

function notAllowed(
  fields: Fields,
  wanted: ReadonlyMap<Field, string>,
  { name: connector }: UsualDaemon,
): WaxsealError {
  const { instance } = fields
  const written = {
    daemon_config: 'config',
    runtime_socket: 'socket',
    master_socket: 'master_socket',
    admin_api: 'admin',
  }
  const parts = [
    `connector: ${connector}`,
    ...[...wanted].map(([field, value]) => `${written[field]}: ${JSON.stringify(value)}`),
  ]
  const name = typeof instance === 'string' ? instance : 'NAME'
  return new WaxsealError('INSTANCE_NOT_ALLOWED', {
    ...(typeof instance === 'string' ? { instance } : {}),
    ...Object.fromEntries(wanted),
    setting: 'instances',
    hint: `If this host has it, write below "instances:" of its configuration: ${name}: { ${parts.join(', ')} }.`,
  })
}

async function requireOwn(instance: InstanceConfig, { name: connector }: UsualDaemon): Promise<void> {
  const foreign = await foreignPartOf(instance)
  if (foreign === null) return
  const named = instance.name === '' ? {} : { instance: instance.name }
  throw new WaxsealError('INSTANCE_NOT_ALLOWED', { ...named, connector, ...foreign })
}

/**
 * What of an instance somebody else than root could change, or is not there, and why: what root reads, runs, and trusts with a key.
 * Null: nothing.
 */
export async function foreignPartOf({
  config: settings,
  socket,
  masterSocket,
  run,
}: InstanceConfig): Promise<{ readonly path: string; readonly reason: string } | null> {
  // Of a daemon in a container they are inside: its image is the host's own word.
  const config = run === null ? settings : null
  const folders = [socket, masterSocket].flatMap((path) => (path === null ? [] : [dirname(path)]))
  for (const path of [config, run?.[0] ?? null, ...folders].filter((place) => place !== null))
    try {
      await ownPlace(path)
    } catch (error) {
      // A daemon that is stopped may have no folder for its sockets.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && folders.includes(path)) continue
      return { path, reason: (error as Error).message.slice(0, 500) }
    }
  return null
}
