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

t.test('a key or certificate in an engine is told', async (t) => {
  const { listeners, doubts } = await read(
    `Listen 443\n<VirtualHost *:443>\nSSLCertificateFile /c.pem\nSSLCertificateKeyFile pkcs11:object=x\n</VirtualHost>\n`,
  )

  t.match(listeners, [{ files: [{ path: '/c.pem', role: 'certificate' }] }])
  t.match(doubts, [/engine/])
})

t.test('certificates of other modules are told, and their files are named', async (t) => {
  const inHost = (text: string): string => `<VirtualHost *:443>\n  ${text}\n</VirtualHost>\n`
  const md = '  MDCertificateFile /m.pem\n  MDCertificateKeyFile md/m.key\n'
  for (const [config, doubt, ...files] of [
    ['MDomain md.test\n', /mod_md/],
    [`<MDomainSet md.test>\n${md}</MDomainSet>\n`, /mod_md/, '/m.pem', '/etc/apache2/md/m.key'],
    [`<MDomain md.test>\n${md}</MDomain>\n`, /mod_md/, '/m.pem', '/etc/apache2/md/m.key'],
    [inHost('<MDomainSet md.test>\n  </MDomainSet>'), /mod_md/],
    [
      inHost('GnuTLSEnable on\n  GnuTLSCertificateFile /g.pem\n  GnuTLSKeyFile "/g.key"'),
      /mod_gnutls/,
      '/g.pem',
      '/g.key',
    ],
    ['TLSEngine 443\n', /mod_tls/],
    [inHost('TLSCertificate /t.pem /t.key'), /mod_tls/, '/t.pem', '/t.key'],
  ] as const) {
    const { doubts, named } = await read(`Listen 443\n${config}`)
    t.match(doubts, [doubt], config)
    t.same(named, files, config)
  }
  t.same((await read('Listen 443\nTLSProtocol TLSv1.2+\n')).doubts, [])
})

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
