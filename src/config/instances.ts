import { parseAdminUrl, writeAdminUrl } from '../plan/admin-url.ts'
import type { Command } from '../plan/plan.ts'
import { configInvalid } from './parse-yaml.ts'

/** A daemon beside its default one, as the host's administrator names it. */
export interface InstanceConfig {
  readonly name: string
  /** The connector's name: `postfix`. */
  readonly connector: string
  /** Its settings, a folder or a file; null: the daemon's default ones. */
  readonly config: string | null
  /** HAProxy's runtime API; null: not said. */
  readonly socket: string | null
  /** HAProxy's master CLI; null: not said. */
  readonly masterSocket: string | null
  /** Caddy's admin API, `http://HOST:PORT`; null: not said. */
  readonly admin: string | null
  /** What its commands are run by: `/usr/bin/docker exec NAME`; null: they are run here. */
  readonly run: Command | null
  /** Folders as the daemon sees them, and where they are on this host. */
  readonly paths: readonly InstancePath[]
}

/** One folder of a daemon in a container. */
export interface InstancePath {
  readonly inside: string
  readonly outside: string
}

/** As it is written, by the schema. */
export interface WrittenInstance {
  readonly connector: string
  readonly config?: string
  readonly socket?: string
  readonly master_socket?: string
  readonly admin?: string
  readonly run?: readonly [string, ...string[]]
  readonly paths?: Readonly<Record<string, string>>
}

/** The instances of a configuration file. CONFIG_INVALID names the one that is wrong. */
export function resolveInstances(
  written: Readonly<Record<string, WrittenInstance>>,
  file: string,
): readonly InstanceConfig[] {
  return Object.entries(written).map(([name, instance]) => resolveInstance(name, instance, file))
}

function resolveInstance(name: string, written: WrittenInstance, file: string): InstanceConfig {
  const { connector, config = null, socket = null, master_socket: masterSocket = null, run = null } = written
  const at = `instances.${name}`
  const admin = written.admin === undefined ? null : parseAdminUrl(written.admin)
  if (written.admin !== undefined && admin === null)
    throw configInvalid(file, `${at}.admin`, 'it is no such URL', 'Write it as http://127.0.0.1:2019.')
  if (run !== null && !run[0].startsWith('/'))
    throw configInvalid(file, `${at}.run`, 'its program has no path', 'For example: [/usr/bin/docker, exec, NAME].')
  const paths = Object.entries(written.paths ?? {}).map(([inside, outside]) => ({ inside, outside }))
  const places = [config, socket, masterSocket, ...paths.flatMap(({ inside, outside }) => [inside, outside])]
  const crooked = places.find((path) => path !== null && !isNormal(path))
  if (crooked !== undefined)
    throw configInvalid(file, at, `"${crooked}" has "//", "." or ".." in it`, 'Write the path without.')
  const url = admin === null ? null : writeAdminUrl(admin)
  const bare = paths.map((path) => ({ inside: folder(path.inside), outside: folder(path.outside) }))
  return { name, connector: connector.toLowerCase(), config, socket, masterSocket, admin: url, run, paths: bare }
}

function isNormal(path: string): boolean {
  return !/\/\.{0,2}(\/|$)/.test(folder(path))
}

function folder(path: string): string {
  return path.replace(/\/+$/, '')
}
