import t from 'tap'
import { settingNames } from '../../../../src/connector/postfix/read-services.ts'
import { readPostfixWiring } from '../../../../src/connector/postfix/read-wiring.ts'
import type { Listener, Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { ipv6Loopback, recordedHost, wiringOf } from '../recorded-host.ts'

const names = settingNames.join(' ')

/** `postconf -x NAMES` of 3.7.11: one pair. */
const main = `smtpd_tls_chain_files =
smtpd_tls_cert_file = /srv/tls/cert.pem
smtpd_tls_key_file = /srv/tls/key.pem
smtpd_tls_eccert_file =
smtpd_tls_eckey_file =
smtpd_tls_security_level = may
smtpd_tls_wrappermode = no
smtpd_use_tls = no
smtpd_enforce_tls = no
smtpd_discard_ehlo_keywords =
smtpd_discard_ehlo_keyword_address_maps =
smtpd_upstream_proxy_protocol =
smtpd_service_name = smtpd
postscreen_tls_security_level = may
postscreen_use_tls = no
postscreen_enforce_tls = no
postscreen_discard_ehlo_keywords =
postscreen_discard_ehlo_keyword_address_maps =
postscreen_upstream_proxy_protocol =
postscreen_access_list = permit_mynetworks
postscreen_bare_newline_enable = no
postscreen_non_smtp_command_enable = no
postscreen_pipelining_enable = no
tlsproxy_service_name = tlsproxy
tlsproxy_tls_chain_files =
tlsproxy_tls_cert_file = /srv/tls/cert.pem
tlsproxy_tls_key_file = /srv/tls/key.pem
tlsproxy_tls_eccert_file =
tlsproxy_tls_eckey_file =
tlsproxy_tls_security_level = may
tlsproxy_use_tls = no
tlsproxy_enforce_tls = no
tls_server_sni_maps =
inet_interfaces = all
inet_protocols = all
queue_directory = /var/spool/postfix
master_service_disable =
multi_instance_directories =
multi_instance_enable = no
multi_instance_wrapper =
`

/** `postconf -M` of 3.7.11. */
const master = `smtp       inet  n       -       y       -       -       smtpd
587        inet  n       -       n       -       -       smtpd -o smtpd_tls_security_level=$level -o smtpd_tls_cert_file=$dir/a.pem
[::1]:10026 inet n       -       n       -       -       smtpd -o {smtpd_tls_chain_files=/a/k.pem, /a/c.pem}
192.0.2.7:smtps inet n   -       n       -       1       smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:24 inet n      -       n       -       -       smtpd -o smtpd_tls_security_level=none
pickup     unix  n       -       n       60      1       pickup
smtpd      pass  -       -       y       -       -       smtpd
submission pass  -       -       y       -       -       smtpd
8025       inet  n       n       n       -       -       spawn argv=/usr/bin/smtpd
`

/** `postconf -P` of 3.7.11. */
const overrides = `587/inet/smtpd_tls_security_level = $level
587/inet/smtpd_tls_cert_file = $dir/a.pem
[::1]:10026/inet/smtpd_tls_chain_files = /a/k.pem, /a/c.pem
192.0.2.7:smtps/inet/smtpd_tls_wrappermode = yes
127.0.0.1:24/inet/smtpd_tls_security_level = none
smtpd/pass/smtpd_tls_security_level = none
`

const recorded = {
  'postconf -M': master,
  'postconf -P': overrides,
  [`postconf -x ${names}`]: main,
  [`postconf -x -o smtpd_tls_security_level=$level -o smtpd_tls_cert_file=$dir/a.pem ${names}`]: change({
    smtpd_tls_security_level: 'encrypt',
    smtpd_tls_cert_file: '/srv/a.pem',
    smtpd_tls_key_file: '/srv/a.pem',
  }),
  [`postconf -x -o smtpd_tls_chain_files=/a/k.pem, /a/c.pem ${names}`]: change({
    smtpd_tls_chain_files: '/a/k.pem, /a/c.pem',
  }),
  [`postconf -x -o smtpd_tls_wrappermode=yes ${names}`]: change({ smtpd_tls_wrappermode: 'yes' }),
  [`postconf -x -o smtpd_tls_security_level=none ${names}`]: change({ smtpd_tls_security_level: 'none' }),
}

t.test('every SMTP server on TCP that speaks TLS is a listener: by name, port, address and port', async (t) => {
  const wiring = await wiringOf(readPostfixWiring(recordedHost(recorded), null))

  t.same(wiring.listeners.map(socketOf), [
    ['smtp', '127.0.0.1', 25, 'smtp'],
    ['587', '127.0.0.1', 587, 'smtp'],
    ['[::1]:10026', '::1', 10026, 'smtp'],
    ['192.0.2.7:smtps', '192.0.2.7', 465, 'tls'],
  ])
})

t.test('a listener on all addresses is met on IPv4 and IPv6 each, where host and Postfix have both', async (t) => {
  const both = ['127.0.0.1', '::1']
  const withIpv6 = [
    ['all', 'all', both],
    ['ipv4, ipv6', 'all', both],
    ['ipv4', 'all', ['127.0.0.1']],
    ['ipv6', 'all', ['::1']],
    ['all', 'loopback-only', both],
    ['all', 'localhost', ['127.0.0.1']],
    ['ipv6', 'localhost', ['::1']],
    ['all', '192.0.2.7, ::1', ['192.0.2.7', '::1']],
  ] as const

  for (const [inet_protocols, inet_interfaces, hosts] of withIpv6) {
    const wiring = await readWith({ inet_protocols, inet_interfaces }, ipv6Loopback)
    t.same(wiring.listeners.map(hostOf), hosts, `${inet_protocols} on ${inet_interfaces}`)
  }
  t.same((await readWith({})).listeners.map(hostOf), ['127.0.0.1'], 'IPv6 is switched off')
})

t.test('smtpd speaks SMTP on the port of LMTP, too', async (t) => {
  const wiring = await readWith({}, {}, '24 inet n - n - - smtpd\n')

  t.same(wiring.listeners.map(socketOf), [['24', '127.0.0.1', 24, 'smtp']])
})

t.test('a service on all addresses of one family is met on that alone', async (t) => {
  const wiring = await readWith({}, ipv6Loopback, '[::]:587 inet n - n - - smtpd\n0.0.0.0:465 inet n - n - - smtpd\n')

  t.same(wiring.listeners.map(hostOf), ['::1', '127.0.0.1'])
})

t.test('postconf itself resolves what a service overrides, with the variables in it', async (t) => {
  const wiring = await wiringOf(readPostfixWiring(recordedHost(recorded), null))

  t.same(
    wiring.listeners.map(({ files }) => files.map(({ path, role }) => `${role} ${path}`)),
    [
      ['certificate /srv/tls/cert.pem', 'key /srv/tls/key.pem'],
      ['bundle /srv/a.pem'],
      ['bundle /a/k.pem', 'bundle /a/c.pem'],
      ['certificate /srv/tls/cert.pem', 'key /srv/tls/key.pem'],
    ],
  )
})

t.test('two pairs are read side by side, and `none` is no pair', async (t) => {
  const dual = await readWith({ smtpd_tls_eccert_file: '/srv/ec.pem', smtpd_tls_eckey_file: '/srv/ec.key' })
  const none = await readWith({ smtpd_tls_cert_file: 'none', smtpd_tls_key_file: 'none' })

  t.same(
    dual.listeners[0]?.files.map(({ path }) => path),
    ['/srv/tls/cert.pem', '/srv/tls/key.pem', '/srv/ec.pem', '/srv/ec.key'],
  )
  t.match(none, { listeners: [], named: [] })
})

t.test('a relative path is one below queue_directory', async (t) => {
  const pair = await readWith({ smtpd_tls_cert_file: 'tls/cert.pem', smtpd_tls_key_file: 'tls/key.pem' })
  const bundle = await readWith({ smtpd_tls_eccert_file: 'ec.pem', smtpd_tls_eckey_file: 'ec.pem' })
  const chains = await readWith({ smtpd_tls_chain_files: 'k.pem, /srv/c.pem', queue_directory: '/srv/queue' })

  const files = ({ listeners }: Wiring) => listeners[0]?.files.map(({ path, role }) => `${role} ${path}`)
  t.same(files(pair), ['certificate /var/spool/postfix/tls/cert.pem', 'key /var/spool/postfix/tls/key.pem'])
  t.same(files(bundle)?.at(-1), 'bundle /var/spool/postfix/ec.pem')
  t.same(files(chains), ['bundle /srv/queue/k.pem', 'bundle /srv/c.pem'])
})

t.test('the names of an SNI map are readers of their own, and its command is that of its type', async (t) => {
  const sni = `# comment
mail.example.org /srv/sni/org.pem, /srv/sni/org-rsa.pem
# another
 /srv/sni/org-ed.pem
.Example.com\t/srv/sni/com.pem
nothing

`
  const files = { '/etc/postfix/sni': { text: sni, mode: 0o600 }, '/etc/postfix/plain': { text: 'b /b', mode: 0o644 } }

  const wiring = await readWith(
    { tls_server_sni_maps: 'hash:/etc/postfix/sni texthash:/etc/postfix/plain, pcre:/etc/postfix/re' },
    files,
  )

  t.same(
    wiring.listeners.map(({ servername, files: read }) => [servername, ...read.map(({ path }) => path)]),
    [
      [null, '/srv/tls/cert.pem', '/srv/tls/key.pem'],
      ['mail.example.org', '/srv/sni/org.pem', '/srv/sni/org-rsa.pem', '/srv/sni/org-ed.pem'],
      ['*.example.com', '/srv/sni/com.pem'],
      ['b', '/b'],
    ],
  )
  t.match(wiring.maps, [
    { source: '/etc/postfix/sni', mode: 0o600, command: ['postmap', '-F', 'hash:/etc/postfix/sni'] },
    { source: '/etc/postfix/plain', mode: 0o644, command: null },
  ])
  t.equal(wiring.maps.length, 2)
})

t.test('another instance compiles with its own settings', async (t) => {
  const host = recordedHost(
    {
      'postconf -c /srv/pf -M': 'smtp inet n - n - - smtpd\n',
      'postconf -c /srv/pf -P': '',
      [`postconf -c /srv/pf -x ${names}`]: change({ tls_server_sni_maps: 'proxy:lmdb:/srv/pf/sni' }),
    },
    { '/srv/pf/sni': { text: 'a.example.net /srv/a.pem\n', mode: 0o600 } },
  )

  const wiring = await wiringOf(readPostfixWiring(host, '/srv/pf'))

  t.match(wiring.maps, [{ mode: 0o600, command: ['postmap', '-c', '/srv/pf', '-F', 'lmdb:/srv/pf/sni'] }])
  t.equal(wiring.listeners.length, 2)
})

t.test('a table that cannot be read is a doubt, and never a table of no names', async (t) => {
  for (const table of [
    'hash:/gone',
    'ldap:/etc/postfix/l.cf',
    'mysql:x',
    'unionmap:{static:a,hash:/b}',
    'HASH:/sni',
    '/sni',
  ]) {
    const { doubts, maps } = await readWith({ tls_server_sni_maps: table })

    t.same(doubts, [`The names and files in the table ${table} cannot be told from here.`])
    t.same(maps, [], 'what is not known is not compiled')
  }
})

t.test('tables that stand in the settings, or whose names are patterns, name their files', async (t) => {
  const re = '/^a\\.example/ /srv/a.pem\nif /x/\n/^b/\n  /srv/b-rsa.pem, /srv/b.pem\nendif\n'
  const files = { '/etc/postfix/re': { text: re, mode: 0o600 } }
  const tables =
    'inline:{{a.example.net = /srv/i.pem, /srv/j.pem} b.example.net=/srv/k.pem} static:{/srv/s.key, /srv/s.pem} regexp:/etc/postfix/re pcre:{{/x/ /srv/p.pem}}'

  const { listeners, named, doubts } = await readWith({ tls_server_sni_maps: tables }, files)

  t.same(
    listeners.map(({ servername, files: read }) => [servername, ...read.map(({ path }) => path)]),
    [
      [null, '/srv/tls/cert.pem', '/srv/tls/key.pem'],
      ['a.example.net', '/srv/i.pem', '/srv/j.pem'],
      ['b.example.net', '/srv/k.pem'],
    ],
  )
  t.same(named.filter((path) => !path.startsWith('/srv/tls')).toSorted(), [
    '/srv/a.pem',
    '/srv/b-rsa.pem',
    '/srv/b.pem',
    '/srv/i.pem',
    '/srv/j.pem',
    '/srv/k.pem',
    '/srv/p.pem',
    '/srv/s.key',
    '/srv/s.pem',
  ])
  t.same(doubts, [])
})

t.test(
  'TLS is spoken by security level, by the old switches, and in wrapper mode, whatever the case of the words',
  async (t) => {
    const spoken = async (changes: Readonly<Record<string, string>>): Promise<unknown> => {
      const [listener] = (await readWith({ smtpd_tls_security_level: '', ...changes })).listeners
      return listener === undefined ? 'nothing' : (listener.doubt ?? listener.protocol)
    }

    t.equal(await spoken({}), 'nothing')
    for (const level of ['may', 'May', 'ENCRYPT', 'verify', 'secure', 'fingerprint'])
      t.equal(await spoken({ smtpd_tls_security_level: level }), 'smtp', level)
    t.equal(await spoken({ smtpd_use_tls: 'yes' }), 'smtp')
    t.equal(await spoken({ smtpd_enforce_tls: 'YES' }), 'smtp')
    t.equal(await spoken({ smtpd_tls_security_level: 'None', smtpd_use_tls: 'yes' }), 'nothing', 'the level overrules')
    t.equal(await spoken({ smtpd_tls_wrappermode: 'Yes' }), 'tls')
    t.equal(await spoken({ smtpd_tls_security_level: 'none', smtpd_tls_wrappermode: 'yes' }), 'tls')
    t.match(await spoken({ smtpd_tls_security_level: 'dane' }), /smtpd refuses "smtpd_tls_security_level = dane"/)
    t.match(await spoken({ smtpd_tls_wrappermode: 'on' }), /smtpd refuses "smtpd_tls_wrappermode = on"/)
  },
)

t.test('a port is found by services(5), and one that cannot be is none', async (t) => {
  const services = { '/etc/services': { text: '# x\nweird 2626/udp\nodd 2626/tcp weird # y\n', mode: 0o644 } }
  const portsOf = async (name: string): Promise<readonly number[] | undefined> =>
    (await readWith({}, services, `${name} inet n - n - - smtpd\n`)).listeners.map(({ port }) => port)

  t.same(await portsOf('weird'), [2626])
  t.same(await portsOf('unknown'), [])
  t.same(await portsOf('65536'), [])
  t.same(await portsOf('0'), [])
})

t.test('a service that master(8) is told to leave out is no listener', async (t) => {
  const services = ['smtp inet', '[::1]:Odd inet', '587 inet', 'smtpd pass'].map((line) => `${line} n - n - - smtpd\n`)
  const listed = { '/etc/services': { text: 'Odd 2626/tcp\n', mode: 0o644 }, ...ipv6Loopback }
  const portsWith = async (master_service_disable: string): Promise<readonly number[]> => {
    const { listeners } = await readWith({ master_service_disable, inet_protocols: 'ipv4' }, listed, services.join(''))
    return listeners.map(({ port }) => port)
  }

  t.same(await portsWith('pass, smtp/unix, 587'), [25, 2626, 587])
  t.same(await portsWith('inet'), [])
  t.same(await portsWith('unix, INET'), [])
  t.same(await portsWith('smtp/inet 587.inet'), [2626])
  t.same(await portsWith('[::1]:odd/Inet'), [25, 587])
  t.same(await portsWith('!smtp/inet, inet'), [25])
  t.same(await portsWith('inet, !smtp/inet'), [], 'the first that fits decides')
  t.same(await portsWith('!!smtp.inet'), [2626, 587])
  t.same((await readWith({ master_service_disable: 'inet' })).named, [])
})

t.test('an instance that is not enabled does not listen, and its files are named', async (t) => {
  const instances = async (first: string, out: string, wrapper = '/usr/sbin/postmulti -p --'): Promise<Wiring> => {
    const ofFirst = {
      multi_instance_directories: '/etc/postfix-out',
      multi_instance_wrapper: wrapper,
      multi_instance_enable: first,
    }
    const outputs = {
      'postconf -M': 'smtp inet n - n - - smtpd\n',
      'postconf -P': '',
      [`postconf -x ${names}`]: change(ofFirst),
      'postconf -c /etc/postfix-out -M': '2525 inet n - n - - smtpd\n',
      'postconf -c /etc/postfix-out -P': '',
      [`postconf -c /etc/postfix-out -x ${names}`]: change({
        multi_instance_enable: out,
        smtpd_tls_chain_files: '/out.pem',
      }),
    }
    return wiringOf(readPostfixWiring(recordedHost(outputs), null))
  }
  const portsOf = ({ listeners }: Wiring): readonly number[] => listeners.map(({ port }) => port)

  t.same(portsOf(await instances('yes', 'Yes')), [25, 2525])
  t.same(portsOf(await instances('no', 'yes')), [2525])
  t.same(portsOf(await instances('no', 'yes', '')), [25, 2525], 'nothing looks at whether the first one is enabled')
  t.same(portsOf(await instances('yes', 'no')), [25])
  t.match((await instances('yes', 'no')).named, ['/srv/tls/cert.pem', '/srv/tls/key.pem', '/out.pem'])
})

t.test('nothing is known where postconf fails, or says more than is heard', async (t) => {
  for (const line of Object.keys(recorded)) {
    const failing = recordedHost(Object.fromEntries(Object.entries(recorded).filter(([key]) => key !== line)))
    const endless = recordedHost({ ...recorded, [line]: 'x'.repeat(8 * 1024 * 1024) })

    t.match(await readPostfixWiring(failing, null), { unwired: 'broken' }, line)
    t.match(await readPostfixWiring(endless, null), { unwired: 'broken' }, line)
  }
})

t.test(
  'a megabyte of something else takes less than a second of the processor, and is found to be nothing',
  async (t) => {
    for (const text of ['a'.repeat(1_000_000), ' '.repeat(1_000_000), 'a = \n'.repeat(200_000)]) {
      const files = { '/etc/postfix/sni': { text, mode: 0o600 }, '/etc/services': { text, mode: 0o644 } }

      const started = process.cpuUsage()

      const wiring = await readWith({ tls_server_sni_maps: 'hash:/etc/postfix/sni' }, files, `${text}\n`)

      t.same(wiring.listeners, [])
      t.ok(process.cpuUsage(started).user < 1_000_000)
    }
  },
)

function change(changes: Readonly<Record<string, string>>): string {
  return main.replaceAll(/^([a-z_]+) =.*$/gm, (line, name: string) =>
    name in changes ? `${name} = ${changes[name]}` : line,
  )
}

/** One listener, `smtp`, unless `services` says otherwise. */
function readWith(
  changes: Readonly<Record<string, string>>,
  files: Parameters<typeof recordedHost>[1] = {},
  services = 'smtp inet n - n - - smtpd\n',
): Promise<Wiring> {
  const outputs = { 'postconf -M': services, 'postconf -P': '', [`postconf -x ${names}`]: change(changes) }
  return wiringOf(readPostfixWiring(recordedHost(outputs, files), null))
}

function hostOf({ host }: Listener): string {
  return host
}

function socketOf({ name, host, port, protocol }: Listener): readonly unknown[] {
  return [name, host, port, protocol]
}
