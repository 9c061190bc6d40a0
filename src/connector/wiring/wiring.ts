import { deniedWay } from '../../plan/denied-way.ts'
import type { Command, ProbeProtocol, ProxyVersion } from '../../plan/plan.ts'
import type { HostView, ReadOutput } from '../host-view.ts'

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
  /** The PROXY header that it wants before anything else; left out: none. */
  readonly proxy?: ProxyVersion
  /** Why it cannot be told from here what it serves, in a sentence; left out: it can. */
  readonly doubt?: string
  /** What it shows to this host proves nothing of these files: it is not looked at. `doubt` says why. */
  readonly unproven?: true
}

/** A lookup table that names the certificates and keys of server names. */
export interface WiredMap {
  readonly source: string
  /** Permission bits of the source; null: there is none. */
  readonly mode: number | null
  /** The PEM files that its source names. */
  readonly files: readonly string[]
  /** By name, as a listener has it: `*.example.net`; left out: they cannot be told apart. */
  readonly entries?: readonly { readonly servername: string; readonly paths: readonly string[] }[]
  /** Compiles key and chain into it; null: it is not compiled, and its files are read as they are. */
  readonly command: Command | null
}

/** Which files each listener of a daemon reads. */
export interface Wiring {
  readonly listeners: readonly Listener[]
  readonly maps: readonly WiredMap[]
  /** Paths that its settings name, also for connections that cannot be made from this host. */
  readonly named: readonly string[]
  /** What cannot be told, a sentence each: then a path that no listener reads may be read all the same. */
  readonly doubts: readonly string[]
  /** What of its settings may break at a reload, a sentence each; left out: nothing that is known. */
  readonly warnings?: readonly string[]
}

/** Why nothing is known of a daemon's listeners. */
export interface Unwired {
  /** `broken`: its own command refuses the configuration, or does not answer; `denied`: this process may not do what it does. */
  readonly unwired: 'not installed' | 'broken' | 'denied'
  /** In a sentence. */
  readonly reason: string
  /** What its own command printed of that: for this host alone (law 5); left out: nothing. */
  readonly said?: string
}

/** Whether the daemon could not be asked. */
export function isUnwired(answer: Wiring | Unwired): answer is Unwired {
  return 'unwired' in answer
}

/** What each of the daemons says of its usual configuration where nobody has made one. */
const withoutConfiguration =
  /open \/etc\/postfix\/main\.cf: No such|open\(\/etc\/dovecot\/dovecot\.conf\) failed: No such|open\(\) "\/etc\/nginx\/nginx\.conf" failed \(2: No such|non-existent configuration file\(s\): \/etc\/|Could not open configuration file \/etc\/\S+ ?: No such/

/** What a failed read of a daemon's settings means. One that was never set up serves nothing, like one that is not there. */
export function unwiredBy(program: string, { isMissing, output, exitCode }: ReadOutput): Unwired {
  if (isMissing) return { unwired: 'not installed', reason: `${program} is not on this host.` }
  if (withoutConfiguration.test(output))
    return { unwired: 'not installed', reason: `${program} is on this host, and nobody has set it up.` }
  // Settings may hold key material: what is told is what reads as a message, never a line of them.
  const messages = output
    .split('\n')
    .filter((line) => /\b(fatal|panic|error|invalid|unknown|non-existent|cannot|failed)\b/i.test(line))
    .map((line) => line.replaceAll(/[A-Za-z0-9+/=]{60,}/g, '…'))
  if (exitCode === 0)
    return { unwired: 'broken', reason: `${program} tells more of its settings than is read (8 MiB).` }
  const said = messages.length === 0 ? {} : { said: messages.slice(-3).join(' ').slice(-500) }
  const where = messages.length === 0 ? '' : ' waxseal check shows what it printed.'
  const reason = `${program} could not tell its settings: it ended with ${exitCode}.${where}`
  const way = deniedWay(output)
  if (way !== null) return { unwired: 'denied', reason: `${reason} ${way}`, ...said }
  return { unwired: 'broken', reason, ...said }
}

/** A host view gives no more. */
const mostOutput = 8 * 1024 * 1024

/** Whether a command succeeded and was heard to its end: half of the settings would be another wiring. */
export function isWhole({ exitCode, stdout }: ReadOutput): boolean {
  return exitCode === 0 && Buffer.byteLength(stdout) < mostOutput
}

/** The loopback addresses that this host has: `127.0.0.1`, and `::1` where IPv6 is not switched off; proc_net(5). */
export async function loopbacksOf(host: HostView): Promise<readonly string[]> {
  // Below /proc/self: a service manager may hide the rest of /proc.
  const table = await host.readFile('/proc/self/net/if_inet6').catch(() => null)
  const hasIpv6 = /^0{31}1 /m.test(new TextDecoder().decode(table ?? new Uint8Array()))
  return hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']
}

/** Where a listener at these addresses is met from here: one on all addresses at each of these loopback ones. */
export function reachable(addresses: readonly string[], loopbacks: readonly string[]): readonly string[] {
  return [...new Set(addresses.flatMap((address) => metAt(address, loopbacks)))]
}

/** What Postfix, Dovecot and Exim write; each keeps a socket on `::` to IPv6. */
function metAt(written: string, loopbacks: readonly string[]): readonly string[] {
  const address = written.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (address === '') return []
  if (address === 'all' || address === 'loopback-only') return loopbacks
  if (address === '*' || address === '0.0.0.0') return loopbacks.filter((own) => own === '127.0.0.1')
  if (/^[0:]*:[0:]*$/.test(address)) return loopbacks.filter((own) => own === '::1')
  // hosts(5) may give it one of the two alone.
  return address === 'localhost' ? loopbacks.slice(0, 1) : [address]
}
