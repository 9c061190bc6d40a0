import t from 'tap'
import { readDovecotWiring } from '../../../../src/connector/dovecot/read-wiring.ts'
import type { Listener, Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { ipv6Loopback, recordedHost, wiringOf } from '../recorded-host.ts'
import { services23, services24, settings23, settings24 } from './recorded.ts'

const default24 = ['/srv/tls/cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem']

t.test('2.3: a socket for each address and port of the protocols that are switched on', async (t) => {
  const wiring = await read(settings23, services23)

  t.same(wiring.listeners.filter(({ servername }) => servername === null).map(socketOf), [
    ['imap', '127.0.0.1', 143, 'imap'],
    ['imaps', '192.0.2.7', 993, 'tls'],
    ['imaps', '::1', 993, 'tls'],
    ['lmtp', '127.0.0.1', 24, 'lmtp'],
    ['pop3s', '127.0.0.1', 995, 'tls'],
  ])
})

t.test('2.3: each name has its files, and what its block does not set is inherited', async (t) => {
  const wiring = await read(settings23, services23)

  t.same(filesByName(wiring, 143), {
    '-': ['/srv/tls/cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem'],
    'mail.example.org': [
      '/srv/tls/org-cert.pem',
      '/srv/tls/org-key.pem',
      '/srv/tls/rsa-cert.pem',
      '/srv/tls/rsa-key.pem',
    ],
    'a.example.org': ['/srv/tls/ab-cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem'],
    'b.example.org': ['/srv/tls/ab-cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem'],
    '*.example.com': ['/srv/tls/com-cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem'],
  })
})

/** Overlapping blocks, as 2.3 prints them. */
const overlapping = `local_name *.wide.test {
  ssl_cert = </srv/wide.pem
}
local_name mail.wide.test {
  ssl_cert = </srv/exact.pem
}
local_name mail.narrow.test {
  ssl_cert = </srv/exact.pem
}
local_name *.narrow.test {
  ssl_cert = </srv/wide.pem
}
local_name *.part.test {
  ssl_cert = </srv/wide.pem
}
local_name Mail.part.test a.b.part.test {
  ssl_prefer_server_ciphers = yes
}
`

/** The certificates by name, seen with 2.3.19 and 2.4.1. */
const served = {
  '2.3': {
    '*.wide.test': '/srv/wide.pem',
    'mail.wide.test': '/srv/wide.pem',
    'mail.narrow.test': '/srv/exact.pem',
    '*.narrow.test': '/srv/wide.pem',
    '*.part.test': '/srv/wide.pem',
    'mail.part.test': '/srv/wide.pem',
    'a.b.part.test': '/srv/tls/cert.pem',
  },
  '2.4': {
    '*.wide.test': '/srv/wide.pem',
    'mail.wide.test': '/srv/exact.pem',
    'mail.narrow.test': '/srv/wide.pem',
    '*.narrow.test': '/srv/wide.pem',
    '*.part.test': '/srv/wide.pem',
    'mail.part.test': '/srv/wide.pem',
    'a.b.part.test': '/srv/tls/cert.pem',
  },
} as const

t.test('of several blocks that fit a name, 2.3 takes the first in the file and 2.4 the last', async (t) => {
  const spelled24 = overlapping.replaceAll('ssl_cert = <', 'ssl_server_cert_file = ')
  const wirings = {
    '2.3': await read(settings23 + overlapping, services23),
    '2.4': await read(settings24.replace('protocol pop3', 'protocol lmtp') + spelled24, services24),
  }

  for (const release of ['2.3', '2.4'] as const) {
    const listeners = wirings[release].listeners.filter(({ port, host }) => port === 995 && host === '127.0.0.1')
    const read = listeners.map(({ servername, files }) => [servername, files[0]?.path])
    t.match(Object.fromEntries(read), served[release], release)
    t.ok(listeners.every(({ doubt }) => doubt === undefined))
  }
})

t.test(
  '2.3: a block for a name and a network wins, and where none is the most special one, nobody is answered',
  async (t) => {
    const blocks = `local 127.0.0.0/8 {
  ssl_cert = </srv/eight.pem
}
local 127.0.0.1 {
  ssl_cert = </srv/one.pem
}
local_name named.test {
  ssl_cert = </srv/named.pem
}
local 127.0.0.1 {
  local_name both.test {
    ssl_cert = </srv/both.pem
  }
}
protocol !pop3 {
  ssl_min_protocol = TLSv1.3
}
`

    const { listeners } = await read(settings23 + blocks, services23)

    const at995 = (name: string | null) => listeners.find(({ port, servername }) => port === 995 && servername === name)
    t.match(at995(null), { files: [{ path: '/srv/one.pem' }], doubt: undefined })
    t.match(at995('named.test'), {
      doubt: /^Dovecot ends such connections: several blocks set ssl_cert/,
      unproven: true,
    })
    t.match(at995('both.test')?.files, [{ path: '/srv/both.pem' }])
  },
)

t.test('2.4: which block was begun last is not told of one that is printed inside another', async (t) => {
  const certificate = (file: string): string => `  ssl_server_cert_file = /srv/${file}.pem\n`
  const blocks = `local 127.0.0.1 {
  local_name in.test {
  ${certificate('inner')}  }
}
local_name in.test {
${certificate('outer')}}
local_name under.test {
${certificate('outer')}  protocol pop3 {
  ${certificate('inner')}  }
}
`

  const { listeners } = await read(settings24 + blocks, services24)

  const at995 = (name: string) => listeners.find(({ port, servername }) => port === 995 && servername === name)
  t.match(at995('in.test'), { doubt: /begun last in the files cannot be told/, unproven: true })
  t.match(at995('under.test'), { files: [{ path: '/srv/inner.pem' }], doubt: undefined })
})

t.test('a thousand names on each of six sockets take less than five seconds of the processor', async (t) => {
  const names = Array.from({ length: 1000 }, (_, index) => `local_name *.n${index}.test {\n  ssl_cert = </x.pem\n}\n`)
  const started = process.cpuUsage()

  const { listeners } = await read(settings23 + names.join(''), services23, ipv6Loopback)

  t.equal(listeners.length, 6 * 1005 + 2)
  t.ok(process.cpuUsage(started).user < 5_000_000)
})

t.test('a pattern that stands for no name that can be asked for is not asked for', async (t) => {
  const blocks = ['q.*.test', '?.test', '*.fine.test'].map((name) => `local_name ${name} {\n  ssl_cert = </x.pem\n}\n`)

  const { listeners } = await read(settings23 + blocks.join(''), services23)

  const unproven = listeners.filter((listener) => listener.port === 143 && listener.unproven)
  t.same(
    unproven.map(({ servername }) => servername),
    ['q.*.test', '?.test'],
  )
})

t.test('LMTP of 2.3 shows the pair of no name, that of 2.4 the pair of the name', async (t) => {
  const lmtp24 = settings24.replace('lmtp = no', 'lmtp = yes')

  t.same(filesByName(await read(settings23, services23), 24), {
    '-': ['/srv/tls/cert.pem', '/srv/tls/key.pem', '/srv/tls/rsa-cert.pem', '/srv/tls/rsa-key.pem'],
  })
  t.match(filesByName(await read(lmtp24, services24), 24), {
    '-': default24,
    'mail.example.org': ['/srv/tls/org-cert.pem', '/srv/tls/org-key.pem'],
  })
})

t.test('the port of doveadm shows the pair of no name', async (t) => {
  const doveadm = 'service doveadm {\n  inet_listener wrapped {\n    port = 2425\n    ssl = yes\n  }\n}\n'

  for (const [settings, services] of [
    [settings23, services23],
    [settings24, services24],
  ] as const)
    t.same(Object.keys(filesByName(await read(settings, services + doveadm), 2425)), ['-'])
})

t.test('2.4: listeners, ports and `ssl = yes` that are defaults are found too', async (t) => {
  const wiring = await read(settings24, services24)

  t.same(wiring.listeners.filter(({ servername }) => servername === null).map(socketOf), [
    ['imap', '127.0.0.1', 10143, 'imap'],
    ['imap', '::1', 10143, 'imap'],
    ['imaps', '127.0.0.1', 993, 'tls'],
    ['pop3s', '127.0.0.1', 995, 'tls'],
    ['pop3s', '::1', 995, 'tls'],
  ])
})

t.test('2.4: the files in `ssl_server` are read, alone and within protocol, local and local_name', async (t) => {
  const wiring = await read(settings24, services24)

  const filesAt = (name: string, host: string): readonly string[] | undefined =>
    wiring.listeners
      .find((listener) => listener.name === name && listener.host === host && listener.servername === null)
      ?.files.map(({ path }) => path)
      .toSorted()
  t.same(filesAt('imap', '::1'), default24)
  t.same(filesAt('imap', '127.0.0.1'), ['/srv/tls/key.pem', '/srv/tls/local-cert.pem', ...default24.slice(2)])
  t.same(filesAt('pop3s', '::1'), ['/srv/tls/pop3-cert.pem', '/srv/tls/pop3-key.pem', ...default24.slice(2)])
  t.match(
    wiring.listeners.find(({ servername, host }) => servername === 'mail.example.org' && host === '::1'),
    {
      files: [
        { path: '/srv/tls/org-cert.pem', role: 'certificate' },
        { path: '/srv/tls/org-key.pem', role: 'key' },
      ],
    },
  )
})

t.test('a socket on all addresses is met at each that has settings of its own', async (t) => {
  const local =
    'local 192.0.2.9 {\n  ssl_cert = </srv/tls/nine.pem\n}\nlocal 10.0.0.0/8 {\n  ssl_cert = </srv/tls/ten.pem\n}\n'

  const wiring = await read(settings23 + local, services23)

  t.match(wiring.listeners.find(({ host, port }) => host === '192.0.2.9' && port === 143)?.files, [
    { path: '/srv/tls/nine.pem' },
  ])
  t.notOk(wiring.listeners.some(({ host }) => host.startsWith('10.')))
  t.ok(wiring.named.includes('/srv/tls/ten.pem'), 'it is named, though no connection from here reads it')
})

t.test('a socket on all addresses of a family is met at its loopback address, where the host has one', async (t) => {
  const local = 'local 2001:db8::9 {\n  ssl_cert = </srv/tls/nine.pem\n}\n'
  const hostsAt143 = async (listen: string, files: typeof ipv6Loopback): Promise<readonly string[] | undefined> => {
    const wiring = await read(settings23.replace('listen = *, ::', `listen = ${listen}`) + local, services23, files)
    return wiring.listeners
      .filter(({ port, servername }) => port === 143 && servername === null)
      .map(({ host }) => host)
  }

  t.same(await hostsAt143('*, ::', ipv6Loopback), ['127.0.0.1', '::1', '2001:db8::9'])
  t.same(await hostsAt143('::', ipv6Loopback), ['::1', '2001:db8::9'])
  t.same(await hostsAt143('*', ipv6Loopback), ['127.0.0.1'])
  t.same(await hostsAt143('*', {}), ['127.0.0.1'])
})

t.test('2.4: an empty `listen` is its default, all addresses of both families', async (t) => {
  const wiring = await read(settings24.replace('listen = 127.0.0.1 ::1', 'listen = '), services24, ipv6Loopback)

  t.same(
    wiring.listeners.filter(({ port, servername }) => port === 10_143 && servername === null).map(({ host }) => host),
    ['127.0.0.1', '::1'],
  )
})

t.test('2.4: a switch is on with each word that Dovecot takes for yes, and prints as it was written', async (t) => {
  for (const word of ['yes', 'YES', 'Y', '1']) {
    const { listeners } = await read(
      settings24.replace('imap = yes', `imap = ${word}`),
      services24.replace('ssl = yes', `ssl = ${word}\n    haproxy = ${word}`),
    )

    t.match(
      listeners.find(({ port }) => port === 993),
      { protocol: 'tls', proxy: 1 },
      word,
    )
  }
})

t.test('without TLS, for all or for one protocol, nothing is read', async (t) => {
  const off = settings23.replace('ssl = required', 'ssl = no')
  const noImap = `${settings23}protocol imap {\n  ssl = no\n}\n`

  t.match(await read(off, services23), { listeners: [], named: [] })
  t.same(new Set((await read(noImap, services23)).listeners.map(({ name }) => name)), new Set(['lmtp', 'pop3s']))
})

t.test('a port that cannot be is none', async (t) => {
  const ports = services23.replace('port = 143', 'port = 65536').replace('port = 993', 'port = imaps')

  t.same((await read(settings23.replace(' pop3 lmtp', ''), ports)).listeners, [])
})

t.test('a certificate that stands in the settings is served, and no file can renew it', async (t) => {
  for (const [setting, value] of [
    ['ssl_cert', '-----BEGIN CERTIFICATE----- MIIB'],
    ['ssl_server_cert_file', 'inline:-----BEGIN CERTIFICATE-----'],
  ]) {
    const { listeners, named } = await read(`protocols = imap\n${setting} = ${value}\nssl_key = inline:x\n`, services23)

    t.ok(listeners.length > 0)
    t.ok(listeners.every(({ files, doubt }) => files.length === 0 && doubt?.includes('no file can renew it')))
    t.same(named, [])
  }
})

t.test(
  'a path is relative to the file that it stands in: the folders of the settings are looked through',
  async (t) => {
    const settings = `# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\nprotocols = imap\nssl_cert = <../tls/cert.pem\nssl_key = <tls/key.pem\n`
    const main = 'ssl_key = <tls/key.pem\n!include conf.d/*.conf\n  !include_try /srv/dovecot/local.conf\n'
    const files = {
      '/etc/dovecot/dovecot.conf': { text: main, mode: 0o644 },
      '/srv/dovecot/local.conf': { text: '', mode: 0o644 },
      '/etc/dovecot/conf.d/../tls/cert.pem': { text: '', mode: 0o644 },
      '/etc/dovecot/tls/key.pem': { text: '', mode: 0o600 },
    }

    const { listeners } = await read(settings, services23, files)
    const { doubts, listeners: untold } = await read(settings, services23, {
      ...files,
      '/etc/dovecot/conf.d/tls/key.pem': { text: '', mode: 0o600 },
    })

    t.same(
      listeners[0]?.files.map(({ path }) => path),
      ['/etc/dovecot/conf.d/../tls/cert.pem', '/etc/dovecot/tls/key.pem'],
    )
    t.match(doubts, [/^Where tls\/key\.pem is cannot be told/])
    t.match(untold[0]?.doubt, /^Where tls\/key\.pem is cannot be told/)
  },
)

t.test('2.4: an empty `listen` is its default, and an address in brackets is an address', async (t) => {
  const hosts = async (listen: string): Promise<readonly string[]> => {
    const { listeners } = await read(settings24.replace('127.0.0.1 ::1', listen), services24, ipv6Loopback)
    return listeners.filter(({ name, servername }) => name === 'pop3s' && servername === null).map(({ host }) => host)
  }

  t.same(await hosts(''), ['127.0.0.1', '::1'])
  t.same(await hosts('127.0.0.1, [::1]'), ['127.0.0.1', '::1'])
})

t.test('a listener that wants the PROXY header says so, and one that trusts nobody here is doubted', async (t) => {
  const services = services23.replace('haproxy = no\n    port = 993', 'haproxy = yes\n    port = 993')
  const trusted = `${settings23}haproxy_trusted_networks = 192.0.2.0/24, 10.0.0.1\n`

  const { listeners } = await read(trusted, services)

  t.match(
    listeners.find(({ host, port }) => port === 993 && host === '192.0.2.7'),
    { proxy: 1, doubt: undefined },
  )
  t.match(listeners.find(({ host, port }) => port === 993 && host === '::1')?.doubt, /haproxy_trusted_networks/)
  t.notOk(listeners.some(({ port, proxy }) => port !== 993 && proxy !== undefined))
})

t.test(
  'where `remote` switches TLS off for this host alone, its listeners are doubted; its other settings are met',
  async (t) => {
    const off = await read(`${settings23}remote 127.0.0.0/8 {\n  ssl = no\n}\n`, services23)
    const own = await read(`${settings23}remote 127.0.0.0/8 {\n  ssl_cert = </srv/r.pem\n}\n`, services23)

    t.match(off.listeners.find(({ port }) => port === 143)?.doubt, /get no TLS: "remote"/)
    t.equal(off.listeners.find(({ host }) => host === '192.0.2.7')?.doubt, undefined)
    t.match(own.listeners.find(({ port }) => port === 143)?.files[0], { path: '/srv/r.pem' })
    t.match(own.listeners.find(({ host }) => host === '192.0.2.7')?.files[0], { path: '/srv/tls/cert.pem' })
  },
)

for (const [listen, named] of [
  ['*, [2001:db8::1]', ['[2001:db8::1]']],
  ['[::1] [2001:db8::1] [::1]', ['[::1]', '[2001:db8::1]']],
  ['*, [::]', []],
  ['*, [0:0:0:0:0:0:0:0], ::1, 2001:db8::1', []],
] as const)
  t.test(`2.3 may lose the ports of ${named.length} addresses at a reload: listen = ${listen}`, async (t) => {
    const { warnings = [] } = await read(settings23.replace('listen = *, ::', `listen = ${listen}`), services23)

    t.same(
      warnings.map((warning) => /ports at (\S+) at a reload/.exec(warning)?.[1]),
      named,
    )
  })

t.test('2.4 keeps the ports of addresses in brackets', async (t) => {
  const { warnings } = await read(settings24.replace('listen = 127.0.0.1 ::1', 'listen = 127.0.0.1 [::1]'), services24)

  t.same(warnings, [])
})

t.test('TLS that one protocol alone has is TLS', async (t) => {
  const { listeners, named } = await read(
    `${settings23.replace('ssl = required', 'ssl = no')}protocol imap {\n  ssl = yes\n}\n`,
    services23,
  )

  t.same(new Set(listeners.map(({ name }) => name)), new Set(['imap', 'imaps']))
  t.ok(named.includes('/srv/tls/cert.pem'))
})

t.test('nothing is known where doveconf fails, or says more than is heard', async (t) => {
  const long = `${settings23}${'plugin = x\n'.repeat(900_000)}`

  t.match(await readDovecotWiring(recordedHost({}), null), { unwired: 'broken' })
  t.match(await readDovecotWiring(recordedHost({ 'doveconf -P -a': settings23 }), null), { unwired: 'broken' })
  await t.rejects(read(long.slice(0, 8 * 1024 * 1024), services23), /more of its settings than is read/)
})

t.test(
  '2.3: all that is asked for is asked in one call, and the services by themselves where they were not told',
  async (t) => {
    const once = await read(settings23, services23)
    const host = recordedHost({ 'doveconf -P -a': settings23, 'doveconf service': services23 })

    t.same(await readDovecotWiring(host, null), once)
  },
)

t.test('another instance is asked with its own settings file', async (t) => {
  const host = recordedHost({
    'doveconf -c /srv/d.conf -P -a': settings23,
    'doveconf -c /srv/d.conf service': services23,
  })

  t.ok((await wiringOf(readDovecotWiring(host, '/srv/d.conf'))).listeners.length)
})

/** 2.3 tells its services among all settings, 2.4 those at their defaults only where it is asked for them. */
function read(settings: string, services: string, files: typeof ipv6Loopback = {}): Promise<Wiring> {
  const is23 = settings.startsWith('# 2.3.')
  const answers: Record<string, string> = is23
    ? { 'doveconf -P -a': settings + services }
    : { 'doveconf -P -a': settings, 'doveconf service': services }
  return wiringOf(readDovecotWiring(recordedHost(answers, files), null))
}

function socketOf({ name, host, port, protocol }: Listener): readonly unknown[] {
  return [name, host, port, protocol]
}

function filesByName(wiring: Wiring, port: number): Readonly<Record<string, readonly string[]>> {
  const listeners = wiring.listeners.filter((listener) => listener.port === port)
  return Object.fromEntries(
    listeners.map(({ servername, files }) => [servername ?? '-', files.map(({ path }) => path)]),
  )
}
