import type { HostView } from '../host-view.ts'
import { parseConfig } from './parse-config.ts'

const usual = '/etc/haproxy/haproxy.cfg'

/**
 * The files and folders that the HAProxy of this host was started with; where none runs, or its command line does not tell, those that its
 * service would be started with.
 */
export async function haproxyConfigsOf(host: HostView): Promise<readonly string[]> {
  return (await runningConfigs(host)) ?? (await usualConfigs(host))
}

/** Debian's service: `CONFIG` and the `-f` of `EXTRAOPTS` in /etc/default/haproxy. */
async function usualConfigs(host: HostView): Promise<readonly string[]> {
  const text = await textOf('/etc/default/haproxy', host)
  const valueOf = (name: string): string | undefined =>
    [...text.matchAll(new RegExp(`^\\s*${name}\\s*=\\s*(["']?)(.*?)\\1\\s*$`, 'gm'))].at(-1)?.[2]
  const more = [...(valueOf('EXTRAOPTS') ?? '').matchAll(/(?:^|\s)-f\s*(\/\S+)/g)].map(([, path = '']) => path)
  const config = valueOf('CONFIG') ?? usual
  return [config.startsWith('/') ? config : usual, ...more]
}

/** By its pid file, else by the service manager: a service may be started without a pid file. */
async function runningConfigs(host: HostView): Promise<readonly string[] | null> {
  return (await startedWith(await textOf('/run/haproxy.pid', host), host)) ?? startedWith(await mainProcess(host), host)
}

/** What systemd says of the service's main process; empty: there is no systemd. */
async function mainProcess(host: HostView): Promise<string> {
  // sd_booted(3)
  if ((await host.list('/run/systemd/system')) === null) return ''
  return (await host.run(['systemctl', 'show', '--property=MainPID', '--value', 'haproxy.service'])).stdout
}

/** Null where it is not root's HAProxy, for any other process may write its command line itself, or names no absolute path. */
async function startedWith(told: string, host: HostView): Promise<readonly string[] | null> {
  const pid = /^[1-9]\d{0,9}/.exec(told)?.[0]
  if (pid === undefined) return null
  const [line, status] = await Promise.all(['cmdline', 'status'].map((file) => textOf(`/proc/${pid}/${file}`, host)))
  const [program = '', ...words] = (line ?? '').split('\0')
  if (!/(^|\/)haproxy$/.test(program) || !/^Uid:\t0\t0\t0\t0$/m.test(status ?? '')) return null
  const configs = configsIn(words)
  return configs.length > 0 && configs.every((config) => config.startsWith('/')) ? configs : null
}

/** Each `-f`, and all behind `--`. */
function configsIn(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  const options = end === -1 ? words : words.slice(0, end)
  const rest = end === -1 ? [] : words.slice(end + 1).filter((word) => word !== '')
  return [...options.filter((_, index) => options[index - 1] === '-f'), ...rest]
}

/**
 * The sockets that the service of this host speaks its line protocol on: `stats socket` of its configuration, and `-S`. It is asked whether
 * a job may name a socket, before anything is run for it: so the files that a drop-in adds are not asked for.
 */
export async function haproxySocketsOf(host: HostView): Promise<readonly string[]> {
  const texts = await Promise.all((await usualConfigs(host)).map((file) => textOf(file, host)))
  const lines = texts.flatMap(parseConfig).filter(({ section }) => section === 'global')
  const stats = lines.flatMap(({ words: [one, two, path = ''] }) => (one === 'stats' && two === 'socket' ? [path] : []))
  const started = (await textOf('/etc/default/haproxy', host)).matchAll(/(?:^|[\s"'])-S\s*(\/[^\s,"']+)/gm)
  const all = [...stats, ...[...started].map(([, path = '']) => path), masterByUnit]
  return all.map((path) => path.replace(/^unix@/, '')).filter((path) => path.startsWith('/'))
}

/** Debian's haproxy.service. */
const masterByUnit = '/run/haproxy-master.sock'

async function textOf(path: string, host: HostView): Promise<string> {
  const bytes = await host.readFile(path).catch(() => null)
  return new TextDecoder().decode(bytes ?? new Uint8Array())
}
