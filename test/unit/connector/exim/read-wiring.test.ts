import t from 'tap'
import { readEximWiring } from '../../../../src/connector/exim/read-wiring.ts'
import { ipv6Loopback, recordedHost, wiringOf } from '../recorded-host.ts'

const asked =
  'exim4 -bP tls_certificate tls_privatekey tls_advertise_hosts daemon_smtp_ports tls_on_connect_ports local_interfaces disable_ipv6'

/** Printed by exim 4.96, with these in the place of the first. */
function settings(changes: Readonly<Record<string, string>> = {}, isIpv6Off = false) {
  const values = {
    tls_certificate: '/etc/exim4/exim.crt',
    tls_privatekey: '/etc/exim4/exim.key',
    tls_advertise_hosts: '*',
    daemon_smtp_ports: 'smtp : 587 : smtps',
    tls_on_connect_ports: '465',
    local_interfaces: '<; 127.0.0.1 ; ::1',
    ...changes,
  }
  const text = Object.entries(values).map(([name, value]) => `${name} = ${value}\n`)
  const last = isIpv6Off ? 'disable_ipv6\n' : 'no_disable_ipv6\n'
  return recordedHost({ [asked]: text.join('') + last }, ipv6Loopback)
}

async function socketsOf(
  changes: Readonly<Record<string, string>>,
  isIpv6Off = false,
): Promise<readonly unknown[] | undefined> {
  const wiring = await wiringOf(readEximWiring(settings(changes, isIpv6Off), null))
  return wiring.listeners.map(({ host, port, protocol }) => [host, port, protocol])
}

t.test('each port speaks SMTP, or TLS where it is among those that do from the first byte', async (t) => {
  t.same(await socketsOf({ local_interfaces: '127.0.0.1' }), [
    ['127.0.0.1', 25, 'smtp'],
    ['127.0.0.1', 587, 'smtp'],
    ['127.0.0.1', 465, 'tls'],
  ])
})

t.test('lists with colons, doubled colons and a separator of their own are read', async (t) => {
  const expected = [
    ['127.0.0.1', 25, 'smtp'],
    ['::1', 25, 'smtp'],
  ]
  for (const interfaces of ['<; 127.0.0.1 ; ::1', '127.0.0.1 : ::::1', '<; [127.0.0.1]:25 ; [::1]:25'])
    t.same(await socketsOf({ daemon_smtp_ports: 'smtp', local_interfaces: interfaces }), expected, interfaces)
})

t.test('an address with a port of its own has that one alone', async (t) => {
  t.same(await socketsOf({ daemon_smtp_ports: '25', local_interfaces: '192.0.2.7.2525 : 127.0.0.1' }), [
    ['192.0.2.7', 2525, 'smtp'],
    ['127.0.0.1', 25, 'smtp'],
  ])
})

t.test('a listener on all addresses is met at the loopback one of each family, once', async (t) => {
  const ipv4 = ['127.0.0.1', 25, 'smtp']
  const ipv6 = ['::1', 25, 'smtp']

  for (const local_interfaces of ['<; ::0 ; 0.0.0.0', '']) {
    t.same(await socketsOf({ daemon_smtp_ports: '25', local_interfaces }), [ipv6, ipv4])
    t.same(await socketsOf({ daemon_smtp_ports: '25', local_interfaces }, true), [ipv4], 'disable_ipv6')
  }
})

t.test('where STARTTLS is advertised to nobody, only the wrapped port reads the pair', async (t) => {
  const sockets = await socketsOf({ tls_advertise_hosts: '', local_interfaces: '127.0.0.1' })

  t.same(sockets, [['127.0.0.1', 465, 'tls']])
})

t.test('without a key option, the key is in the file of the certificate', async (t) => {
  const wiring = await wiringOf(readEximWiring(settings({ tls_privatekey: '' }), null))

  t.same(wiring.listeners[0]?.files, [{ path: '/etc/exim4/exim.crt', role: 'bundle' }])
})

t.test('nothing is known of a path that Exim expands, or of an Exim that cannot be asked', async (t) => {
  const expanded = ['$', '{if exists{/etc/exim4/exim.crt}{/etc/exim4/exim.crt}}'].join('')

  t.match(await readEximWiring(settings({ tls_certificate: expanded }), null), { doubts: [/Exim makes the path/] })
  t.match(await readEximWiring(recordedHost({}), null), { unwired: 'broken' })
})

t.test('a daemon without a certificate has no listener that reads one', async (t) => {
  const wiring = await wiringOf(readEximWiring(settings({ tls_certificate: '' }), null))

  t.same(wiring, { listeners: [], maps: [], named: [], doubts: [] })
})
