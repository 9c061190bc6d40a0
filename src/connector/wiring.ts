import type { Command, ProbeProtocol } from '../plan/plan.ts'
import type { ReadOutput } from './connector.ts'

/** Certificate material that a listener reads, as the daemon's own settings name it. */
export interface WiredFile {
  readonly path: string
  readonly role: 'certificate' | 'key' | 'bundle'
}

/** One socket of a daemon that speaks TLS, or STARTTLS. */
export interface Listener {
  /** The daemon's name for it: `submission`, `imaps`. */
  readonly name: string
  /** Where it can be reached on this host. */
  readonly host: string
  readonly port: number
  readonly protocol: ProbeProtocol
  /** Asked for this server name it reads these files; `*.example.net`: for a name below it; null: for any other. */
  readonly servername: string | null
  readonly files: readonly WiredFile[]
}

/** A lookup table that names the certificates and keys of server names. */
export interface WiredMap {
  readonly source: string
  /** Permission bits of the source; null: there is none. */
  readonly mode: number | null
  /** The PEM files that its source names. */
  readonly files: readonly string[]
  /** Compiles key and chain into it; null: it is not compiled, and its files are read as they are. */
  readonly command: Command | null
}

/** Which files each listener of a daemon reads. */
export interface Wiring {
  readonly listeners: readonly Listener[]
  readonly maps: readonly WiredMap[]
  /** Paths that its settings name, also for connections that cannot be made from this host. */
  readonly named: readonly string[]
}

/** A host view gives no more. */
const mostOutput = 1024 * 1024

/** Whether a command succeeded and was heard to its end: half of the settings would be another wiring. */
export function isWhole({ exitCode, stdout }: ReadOutput): boolean {
  return exitCode === 0 && Buffer.byteLength(stdout) < mostOutput
}

/** The listeners that read one of these paths. */
export function listenersOf({ listeners }: Pick<Wiring, 'listeners'>, paths: readonly string[]): readonly Listener[] {
  return listeners.filter(({ files }) => files.some(({ path }) => paths.includes(path)))
}

/** The addresses at which a listener on all, or on these, can be reached from here. */
export function reachable(addresses: readonly string[], ipv6Only: boolean): readonly string[] {
  const own = addresses.filter((address) => !['all', '*', '0.0.0.0', '::', ''].includes(address))
  if (own.length < addresses.length || addresses.length === 0) return [ipv6Only ? '::1' : '127.0.0.1']
  return own.map((address) =>
    /^(localhost|loopback-only)$/.test(address) ? (ipv6Only ? '::1' : '127.0.0.1') : address,
  )
}
