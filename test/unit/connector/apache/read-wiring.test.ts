import t from 'tap'
import { readApacheWiring } from '../../../../src/connector/apache/read-wiring.ts'
import type { Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { recordedHost, wiringOf } from '../recorded-host.ts'

const command =
  'apache2ctl -C LoadModule info_module /usr/lib/apache2/modules/mod_info.so -t -D DUMP_CONFIG -D DUMP_RUN_CFG'
const loopback = { '/proc/self/net/if_inet6': { text: '', mode: 0o444 } }

t.test('port 443 is HTTPS where nothing else is said; SSLEngine off and optional are not TLS', async (t) => {
  const wiring = await read(
    `Listen 443\nListen 444\nListen 445\nListen 446 https\nListen 127.0.0.1:447\n${host('*:443', '')}${host('*:444', '')}${host('*:445', 'SSLEngine optional')}${host('*:446', 'SSLEngine off')}${host('127.0.0.1:447', 'SSLEngine on')}`,
  )

  t.same(
    wiring.listeners.map((listener) => `${listener.host}:${listener.port}`),
    ['127.0.0.1:443', '127.0.0.1:447'],
  )
})

t.test('a key or certificate in an engine is told, and so are certificates that mod_md keeps', async (t) => {
  const { listeners, doubts } = await read(
    `MDomain md.test\nListen 443\n<VirtualHost *:443>\nSSLCertificateFile /c.pem\nSSLCertificateKeyFile pkcs11:object=x\n</VirtualHost>\n`,
  )

  t.match(listeners, [{ files: [{ path: '/c.pem', role: 'certificate' }] }])
  t.match(doubts, [/mod_md/, /engine/])
})

t.test(
  'localhost is 127.0.0.1 to a virtual host, too; another name may be any address, and proves nothing',
  async (t) => {
    const hostsOf = async (config: string): Promise<readonly string[]> =>
      (await read(config)).listeners.map(
        ({ host: at, files, unproven }) => `${at} ${files[0]?.path}${unproven === true ? ' ?' : ''}`,
      )
    const virtual = (address: string, name: string): string =>
      `<VirtualHost ${address}>\n  SSLCertificateFile /${name}.pem\n</VirtualHost>\n`
    const any = virtual('*:443', 'any')

    t.same(await hostsOf(`Listen 443\n${any}${virtual('localhost:443', 'lo')}${virtual('127.0.0.1:443', 'no')}`), [
      '127.0.0.1 /lo.pem',
      '127.0.0.2 /any.pem',
    ])
    t.same(await hostsOf(`Listen localhost:443\n${any}${virtual('127.0.0.1:443', 'lo')}`), ['127.0.0.1 /lo.pem'])
    t.same(await hostsOf(`Listen 192.0.2.1:443\n${any}${virtual('www.test:443', 'www')}`), [
      'www.test /www.pem ?',
      '192.0.2.1 /any.pem ?',
    ])
  },
)

t.test('where Apache spares hosts the PROXY header, and this one may be among them, nothing is proven', async (t) => {
  const wants = async (networks: string, address = '*:443'): Promise<unknown> => {
    const says = `RemoteIPProxyProtocol On\n${networks === '' ? '' : `  RemoteIPProxyProtocolExceptions ${networks}`}`
    const { listeners, doubts } = await read(`Listen 443\nListen 192.0.2.1:444\n${host(address, says)}`)
    t.same(doubts, [])
    return listeners.map(({ proxy, unproven, doubt }) => (unproven === true ? doubt : proxy))
  }

  t.same(await wants(''), [1])
  t.same(await wants('10.0.0.0/8 2001:db8::/32'), [1])
  for (const networks of ['127.0.0.1', '10.0.0.0/8 127.0.0.0/8', '::1', '127', '127.0.0.0/255.0.0.0'])
    t.match(await wants(networks), [/spares some hosts/], networks)
  t.match(await wants('192.0.2.0/24'), [1])
  t.match(await wants('192.0.2.0/24', '192.0.2.1:443'), [/spares some hosts/])
})

t.test('without mod_info nothing can be told, and a program that is not there is not installed', async (t) => {
  const silent = await wiringOf(readApacheWiring(recordedHost({ [command]: '' }), ['apache2ctl']))

  t.match(silent, { listeners: [], doubts: [/mod_info/] })
  const none = {
    ...recordedHost({}),
    run: async () => ({ exitCode: null, stdout: '', output: 'ENOENT', isMissing: true }),
  }
  t.match(await readApacheWiring(none, ['apache2ctl']), { unwired: 'not installed' })
})

function host(address: string, says: string): string {
  return `<VirtualHost ${address}>\n  ${says}\n  SSLCertificateFile /c.pem\n</VirtualHost>\n`
}

function read(config: string): Promise<Wiring> {
  const stdout = `# In file: /etc/apache2/apache2.conf\n${config}ServerRoot: "/etc/apache2"\n`
  return wiringOf(readApacheWiring(recordedHost({ [command]: stdout }, loopback), ['apache2ctl']))
}
