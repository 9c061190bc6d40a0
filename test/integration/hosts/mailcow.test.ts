import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { type HostAsItIs, startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (name = 'mail.example.net'): Promise<TestPair> => authority.issue({ names: [name] })
const [first, second, third, site, nextSite, lastSite] = await Promise.all([
  issue(),
  issue(),
  issue(),
  issue('autodiscover.example.org'),
  issue('autodiscover.example.org'),
  issue('autodiscover.example.org'),
])
const skip = unlessInstalled('postfix', 'dovecot', 'nginx')
const proxied = ['10110 pop3', '10143 imap', '10993 tls', '10995 tls', '14190 sieve']
const bare = [
  '24 lmtp',
  '25 smtp',
  '110 pop3',
  '143 imap',
  '443 tls',
  '465 tls',
  '587 smtp',
  '588 smtp',
  '589 smtp',
  '590 smtp',
  '993 tls',
  '995 tls',
  '4190 sieve',
  '9082 tls',
]
const haproxy = true
const behindProxy = [
  { kind: 'pop3', port: 10110, haproxy },
  { kind: 'imap', port: 10143, haproxy },
  { kind: 'imaps', port: 10993, haproxy },
  { kind: 'pop3s', port: 10995, haproxy },
  { kind: 'sieve', port: 14190, haproxy },
] as const

t.test(
  'the settings of mailcow: a renewal is proven on all ports of Postfix, Dovecot and nginx, with the PROXY header on 10143, 10993, 10110, 10995 and 14190 where this host is trusted',
  { skip },
  async (t) => {
    const { host, targetOf } = await start(t, 'haproxy_trusted_networks = 127.0.0.0/8 ::1\n')

    t.same(await host.doubts(), [])
    await renews(t, host, {
      connector: 'postfix',
      target: targetOf(''),
      pairs: [second, third],
      provenAt: [...bare, ...proxied],
      warnings: [
        /^Clients that ask for mail\.example\.net are shown \S+\/mail\/mail\.example\.net\/cert\.pem in place/,
      ],
    })
  },
)

t.test(
  'the settings of mailcow as they come: the ports that want the PROXY header trust nobody, are named, and decide nothing',
  { skip },
  async (t) => {
    const { host, targetOf } = await start(t, '')

    const outcome = await host.deploy('postfix', second, targetOf(''))

    t.match(outcome, { outcome: 'deployed', proven: true })
    t.same(host.provenAt(outcome), bare)
    const doubtful = (await host.doubts()).map((line) => line.slice(0, line.indexOf(':')))
    t.same([...new Set(doubtful)].toSorted(), proxied.toSorted())
    for (const { address, decides } of outcome.probes.filter(({ ok }) => !ok)) t.equal(decides, false, address)
    t.match(outcome.warnings.join('\n'), /haproxy_trusted_networks/)
  },
)

t.test(
  'the pair of a further name of mailcow is refused while everyone may read its table, and then renewed in the table, Dovecot and nginx',
  { skip },
  async (t) => {
    const { host, targetOf, table } = await start(t, '')
    const target = targetOf('autodiscover.example.org')
    await chmod(table, 0o644)

    const open = await host.deploy('postfix', nextSite, target)
    await chmod(table, 0o600)
    const outcome = await host.deploy('postfix', nextSite, target)

    t.match(open, { outcome: 'refused', host: 'untouched', code: 'TARGET_INVALID', message: /chmod o-r/ })
    t.match(outcome, { outcome: 'deployed', code: null, proven: true })
    const sights = (await host.look()).filter(({ name }) => name === 'autodiscover.example.org')
    t.equal(sights.length, host.provenAt(outcome).length)
    for (const { at, served } of sights) t.equal(served, nextSite.sha256, at)
    await host.breakNginx(true)
    t.match(await host.deploy('postfix', lastSite, target), { outcome: 'rolled-back', host: 'restored' })
    await host.breakNginx(false)
    for (const { at, file, served } of await host.look()) t.equal(served, file, at)
  },
)

interface Mailcow {
  readonly host: HostAsItIs
  /** The pair of a name; empty: of all others. */
  targetOf(name: string): Readonly<Record<string, string>>
  readonly table: string
}

/** Each name has a folder; the pair of the host's own name is copied to the default one. `extra`: what the administrator adds to Dovecot. */
async function start(t: Test, extra: string): Promise<Mailcow> {
  const mail = 'etc/ssl/mail'
  const folders = { '': first, '/mail.example.net': first, '/autodiscover.example.org': site }
  const pems = Object.entries(folders).flatMap(([folder, pair]) => [
    [`${mail}${folder}/cert.pem`, pair.certificatePem + pair.chainPem],
    [`${mail}${folder}/key.pem`, pair.keyPem],
  ])
  const named = ['mail.example.net', 'autodiscover.example.org']
  const blocks = named.map(
    (name) => `local_name "${name}" {
  ssl_cert = <DIR/${mail}/${name}/cert.pem
  ssl_key = <DIR/${mail}/${name}/key.pem
}
`,
  )
  const site443 = (names: string, folder: string): string => `server {
  listen P443 ssl http2;
  listen [::]:P443 ssl http2;
  ssl_certificate DIR/${mail}${folder}/cert.pem;
  ssl_certificate_key DIR/${mail}${folder}/key.pem;
  server_name ${names};
}
`
  const host = await startHost(t, {
    pems: Object.fromEntries(pems),
    files: {
      'opt/postfix/conf/sni.map': named
        .map((name) => `${name} DIR/${mail}/${name}/key.pem DIR/${mail}/${name}/cert.pem\n`)
        .join(''),
      'etc/dovecot/sni.conf': blocks.join(''),
      'etc/dovecot/extra.conf': extra,
    },
    tables: ['opt/postfix/conf/sni.map'],
    postfix: {
      main: `inet_interfaces = all
inet_protocols = all
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
smtpd_tls_cert_file = DIR/${mail}/cert.pem
smtpd_tls_key_file = DIR/${mail}/key.pem
tls_server_sni_maps = hash:DIR/opt/postfix/conf/sni.map
smtpd_use_tls=yes
smtp_tls_cert_file = DIR/${mail}/cert.pem
smtp_tls_key_file = DIR/${mail}/key.pem
smtpd_tls_security_level = may
postscreen_access_list = permit_mynetworks
postscreen_bare_newline_enable = no
postscreen_non_smtp_command_enable = no
postscreen_pipelining_enable = no
postscreen_greet_action = enforce
`,
      master: `${postfixListeners('postscreen', [465])}P587 inet n - n - - smtpd
  -o smtpd_enforce_tls=yes
  -o smtpd_tls_security_level=encrypt
P588 inet n - n - - smtpd
  -o smtpd_tls_auth_only=no
P590 inet n - n - - smtpd
  -o smtpd_tls_auth_only=no
P589 inet n - n - - smtpd
  -o syslog_name=watchdog
`,
    },
    dovecot: `protocols = imap sieve lmtp pop3
listen = *,[::]
ssl_cert = <DIR/${mail}/cert.pem
ssl_key = <DIR/${mail}/key.pem
${dovecotListeners(24, 110, 143, 993, 995, 4190, ...behindProxy)}!include_try DIR/etc/dovecot/sni.conf
!include_try DIR/etc/dovecot/extra.conf
`,
    nginx: `events {}
http {
  server_names_hash_bucket_size 128;
${site443('mail.example.net autodiscover.* autoconfig.*', '')}
server {
  listen P9082 ssl http2;
  ssl_certificate DIR/${mail}/cert.pem;
  ssl_certificate_key DIR/${mail}/key.pem;
  server_name _;
}
${site443('autodiscover.example.org', '/autodiscover.example.org')}
}
`,
    roots: [`DIR/${mail}`],
    commands: ['postmap -c DIR/etc/postfix -F hash:DIR/opt/postfix/conf/sni.map'],
  })
  return {
    host,
    targetOf: (name) => ({
      cert_path: join(host.dir, mail, name, 'cert.pem'),
      key_path: join(host.dir, mail, name, 'key.pem'),
    }),
    table: join(host.dir, 'opt/postfix/conf/sni.map'),
  }
}
