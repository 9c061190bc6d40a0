import type { HostView } from '../host-view.ts'

const usual = '/etc/haproxy/haproxy.cfg'

/** The files that the service of this host is started with: `CONFIG` and the `-f` of `EXTRAOPTS` in /etc/default/haproxy. */
export async function haproxyConfigsOf(host: HostView): Promise<readonly string[]> {
  const bytes = await host.readFile('/etc/default/haproxy').catch(() => null)
  const text = new TextDecoder().decode(bytes ?? new Uint8Array())
  const valueOf = (name: string): string | undefined =>
    [...text.matchAll(new RegExp(`^\\s*${name}\\s*=\\s*(["']?)(.*?)\\1\\s*$`, 'gm'))].at(-1)?.[2]
  const more = [...(valueOf('EXTRAOPTS') ?? '').matchAll(/(?:^|\s)-f\s*(\/\S+)/g)].map(([, path = '']) => path)
  const config = valueOf('CONFIG') ?? usual
  return [config.startsWith('/') ? config : usual, ...more]
}
