import t from 'tap'
import { readNginxWiring } from '../../../../src/connector/nginx/read-wiring.ts'
import type { Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { ipv6Loopback, recordedHost, wiringOf } from '../recorded-host.ts'

t.test('an IPv6 address that one listen has take IPv4, too, is one socket with all its servers', async (t) => {
  const { listeners } = await read(
    `http {${server('a', '[::]:443 ssl ipv6only=off')}${server('b', '[0::0]:443')}${server('c', '[::]:444 ssl')}}`,
  )

  t.same(listeners.map(shown), [
    '127.0.0.1:443 - /a.pem',
    '127.0.0.1:443 a.test /a.pem',
    '127.0.0.1:443 b.test /b.pem',
    '::1:443 - /a.pem',
    '::1:443 a.test /a.pem',
    '::1:443 b.test /b.pem',
    '::1:444 - /c.pem',
    '::1:444 c.test /c.pem',
  ])
})

t.test('localhost is the place of 127.0.0.1, and a name that may be any place proves nothing', async (t) => {
  const { listeners } = await read(
    `http {${server('a', 'localhost:443 ssl')}${server('b', '127.0.0.1:443 default_server')}${server('c', '443 ssl')}${server('d', 'www.test:444 ssl')}${server('e', '127.0.0.1:444 ssl')}}`,
  )

  t.same(listeners.map(shown), [
    '127.0.0.1:443 - /b.pem',
    '127.0.0.1:443 a.test /a.pem',
    '127.0.0.1:443 b.test /b.pem',
    '127.0.0.2:443 - /c.pem',
    '127.0.0.2:443 c.test /c.pem',
    'www.test:444 - /d.pem',
    'www.test:444 d.test /d.pem',
    '127.0.0.1:444 - /e.pem',
    '127.0.0.1:444 e.test /e.pem',
  ])
  t.same(
    listeners.map(({ port, unproven = false }) => unproven === (port === 444)),
    listeners.map(() => true),
  )
})

function server(name: string, listen: string): string {
  return `server { listen ${listen}; server_name ${name}.test; ssl_certificate /${name}.pem; }`
}

function shown({ host, port, servername, files }: Wiring['listeners'][number]): string {
  return [`${host}:${port}`, servername ?? '-', ...files.map(({ path }) => path)].join(' ')
}

function read(config: string): Promise<Wiring> {
  const stdout = `# configuration file /etc/nginx/nginx.conf:\n${config}\n\n`
  return wiringOf(readNginxWiring(recordedHost({ 'nginx -T': stdout }, ipv6Loopback), ['nginx']))
}
