import t from 'tap'
import { readEximWiring } from '../../../../src/connector/exim/read-wiring.ts'
import { ipv6Loopback, recordedHost, wiringOf } from '../recorded-host.ts'

const asked =
  'exim4 -bP tls_certificate tls_privatekey tls_advertise_hosts daemon_smtp_ports tls_on_connect_ports local_interfaces disable_ipv6'

/** Printed by exim 4.96, with these in the place of the first. */
function settings(
  changes: Readonly<Record<string, string>> = {},
  isIpv6Off = false,
  more: Readonly<Record<string, string>> = {},
) {
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
  return recordedHost({ [asked]: text.join('') + last, ...more }, ipv6Loopback)
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
  t.same(
    await socketsOf({
      local_interfaces: '<; 2001:db8::7.2525 ; ::1.2526 ; ::0.465 ; ::ffff:192.0.2.7',
      daemon_smtp_ports: '25',
    }),
    [
      ['2001:db8::7', 2525, 'smtp'],
      ['::1', 2526, 'smtp'],
      ['::1', 465, 'tls'],
      ['::ffff:192.0.2.7', 25, 'smtp'],
    ],
  )
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

t.test('two pairs are two files each, in the same order', async (t) => {
  const wiring = await wiringOf(
    readEximWiring(settings({ tls_certificate: '/r.crt : /e.crt', tls_privatekey: '/r.key : /e.key' }), null),
  )

  t.same(
    wiring.listeners[0]?.files.map(({ path, role }) => `${role} ${path}`),
    ['certificate /r.crt', 'key /r.key', 'certificate /e.crt', 'key /e.key'],
  )
  t.same(wiring.doubts, [])
})

const bySni = ['$', '{if eq{$tls_in_sni}{b.example.net}{/b.pem}{/a.pem}}'].join('')

t.test(
  'a path that depends on the name that is asked for: the default one is read, the others are a doubt',
  async (t) => {
    const host = settings({ tls_certificate: bySni, tls_privatekey: '' }, false, { [`exim4 -be ${bySni}`]: '/a.pem\n' })

    const { listeners, doubts } = await wiringOf(readEximWiring(host, null))

    t.same(listeners[0]?.files, [{ path: '/a.pem', role: 'bundle' }])
    t.equal(listeners[0]?.doubt, undefined)
    t.match(doubts, [/for each name that a client asks for/])
  },
)

t.test('whether a file is there is asked as the account of Exim; where that fails, it cannot be told', async (t) => {
  const byFile = ['$', '{if exists{/closed/f.pem}{/closed/f.pem}{/open.pem}}'].join('')
  const account = { 'exim4 -bP exim_user exim_group': 'exim_user = mailer\nexim_group = mail\n' }
  const answers = {
    [`exim4 -be ${byFile}`]: '/closed/f.pem\n',
    [`setpriv --reuid=mailer --regid=mail --init-groups exim4 -be ${byFile}`]: '/open.pem\n',
  }
  const at = (more: Readonly<Record<string, string>>) =>
    wiringOf(readEximWiring(settings({ tls_certificate: byFile, tls_privatekey: '' }, false, more), null))

  const told = await at({ ...answers, ...account })
  const untold = await at(answers)

  t.match(told.listeners[0], { files: [{ path: '/open.pem', role: 'bundle' }], doubt: undefined })
  t.match(told.doubts, [/depends on the files that are there/], 'a deployment may make the other one')
  t.match(untold.listeners[0], { files: [], doubt: /the files that its own account sees/ })
  t.match(untold.doubts, [/the files that its own account sees/])
})

t.test(
  'what would run a command or look something up is not expanded: TLS is spoken, by files that cannot be told',
  async (t) => {
    const none = settings({ tls_certificate: bySni }, false, { [`exim4 -be ${bySni}`]: 'Failed: missing }\n' })
    const texts = [
      '{run{/bin/x}}',
      '{lookup{a}lsearch{/b}}',
      'received_ip_address',
      '{if saslauthd{{a}{b}}{/a}{/b}}',
      '{readfile{/a}}',
    ]
    const hosts = texts.map((text) => settings({ tls_certificate: `/etc/$${text}` }))

    for (const host of [none, ...hosts]) {
      const { listeners, doubts } = await wiringOf(readEximWiring(host, null))
      t.ok(listeners.length > 0)
      t.ok(listeners.every(({ files, doubt }) => files.length === 0 && doubt?.includes('anew for each connection')))
      t.match(doubts, [/anew for each connection/])
    }
  },
)

t.test('nothing is known of an Exim that cannot be asked', async (t) => {
  t.match(await readEximWiring(recordedHost({}), null), { unwired: 'broken' })
})

t.test('a daemon without a certificate makes its own, which no file can renew', async (t) => {
  const { listeners, named, doubts } = await wiringOf(readEximWiring(settings({ tls_certificate: '' }), null))

  t.ok(
    listeners.every(({ files, doubt }) => files.length === 0 && doubt?.startsWith('Exim makes its certificate itself')),
  )
  t.same([named, doubts], [[], []])
})

t.test(
  'the PROXY header is sent where hosts_proxy has this host, and STARTTLS is doubted where it is not offered',
  async (t) => {
    const proxied = async (hosts_proxy: string): Promise<unknown> => {
      const host = settings({ local_interfaces: '127.0.0.1' }, false, {
        'exim4 -bP hosts_proxy': `hosts_proxy = ${hosts_proxy}\n`,
      })
      const [listener] = (await wiringOf(readEximWiring(host, null))).listeners
      return listener?.doubt ?? listener?.proxy ?? null
    }
    const offered = async (tls_advertise_hosts: string): Promise<readonly unknown[]> => {
      const host = settings({ local_interfaces: '127.0.0.1', tls_advertise_hosts })
      return (await wiringOf(readEximWiring(host, null))).listeners.map(({ doubt }) => doubt === undefined)
    }

    t.equal(await proxied('*'), 1)
    t.equal(await proxied('<; 10.0.0.0/8 ; 127.0.0.0/8'), 1)
    t.equal(await proxied('10.0.0.0/8 : ! 127.0.0.1 : *'), null)
    t.match(await proxied('+proxies'), /left open by hosts_proxy/)
    t.same(await offered('*'), [true, true, true])
    t.same(await offered('! 127.0.0.0/8 : *'), [false, false, true], 'the port that is wrapped offers nothing')
  },
)
