import type { HostView } from '../host-view.ts'
import { parseConfig } from './parse-config.ts'

const usual = '/etc/haproxy/haproxy.cfg'

/** The files that the service of this host is started with: `CONFIG` and the `-f` of `EXTRAOPTS` in /etc/default/haproxy. */
export async function haproxyConfigsOf(host: HostView): Promise<readonly string[]> {
  const text = await textOf('/etc/default/haproxy', host)
  const valueOf = (name: string): string | undefined =>
    [...text.matchAll(new RegExp(`^\\s*${name}\\s*=\\s*(["']?)(.*?)\\1\\s*$`, 'gm'))].at(-1)?.[2]
  const more = [...(valueOf('EXTRAOPTS') ?? '').matchAll(/(?:^|\s)-f\s*(\/\S+)/g)].map(([, path = '']) => path)
  const config = valueOf('CONFIG') ?? usual
  return [config.startsWith('/') ? config : usual, ...more]
}

/** The sockets that the service of this host speaks its line protocol on: `stats socket` of its configuration, and `-S`. */
export async function haproxySocketsOf(host: HostView): Promise<readonly string[]> {
  const texts = await Promise.all((await haproxyConfigsOf(host)).map((file) => textOf(file, host)))
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
