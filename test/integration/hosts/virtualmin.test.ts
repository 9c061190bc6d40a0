import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { type HostAsItIs, startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (...names: readonly string[]): Promise<TestPair> => authority.issue({ names })
const [panel, org, nextOrg, lastOrg] = await Promise.all([
  issue('host.example.net'),
  issue('example.org', '*.example.org'),
  issue('example.org', '*.example.org'),
  issue('example.org', '*.example.org'),
])
const ssl = 'etc/ssl/virtualmin/170000000000001'

async function start(t: Test): Promise<HostAsItIs> {
  const localName = (name: string): string => `local_name ${name} {
  ssl_cert = <DIR/${ssl}/ssl.combined
  ssl_key = <DIR/${ssl}/ssl.key
}
`
  return startHost(t, {
    pems: {
      'etc/ssl/panel.cert': panel.certificatePem + panel.chainPem,
      'etc/ssl/panel.key': panel.keyPem,
      [`${ssl}/ssl.cert`]: org.certificatePem,
      [`${ssl}/ssl.ca`]: org.chainPem,
      [`${ssl}/ssl.key`]: org.keyPem,
      [`${ssl}/ssl.combined`]: org.certificatePem + org.chainPem,
      [`${ssl}/ssl.everything`]: org.keyPem + org.certificatePem + org.chainPem,
    },
    postfix: {
      main: `inet_interfaces = all
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/etc/ssl/panel.cert
smtpd_tls_key_file = DIR/etc/ssl/panel.key
tls_server_sni_maps = hash:DIR/etc/postfix/sni_map
`,
      master: postfixListeners('smtpd', [465, 587]),
    },
    dovecot: `protocols = imap pop3
ssl = yes
ssl_cert = <DIR/etc/ssl/panel.cert
ssl_key = <DIR/etc/ssl/panel.key
${dovecotListeners(143, 993, 110, 995)}${localName('example.org')}${localName('*.example.org')}`,
    apache: `Listen P443
<VirtualHost *:P443>
  ServerName example.org
  ServerAlias www.example.org mail.example.org
  SSLEngine on
  SSLCertificateFile DIR/${ssl}/ssl.cert
  SSLCertificateKeyFile DIR/${ssl}/ssl.key
  SSLCACertificateFile DIR/${ssl}/ssl.ca
</VirtualHost>
`,
    files: {
      'etc/postfix/sni_map': ['example.org', '.example.org']
        .map((name) => `${name} DIR/${ssl}/ssl.key,DIR/${ssl}/ssl.cert,DIR/${ssl}/ssl.ca\n`)
        .join(''),
    },
    tables: ['etc/postfix/sni_map'],
    roots: [`DIR/${ssl}`, 'DIR/etc/postfix'],
    commands: ['postmap -c DIR/etc/postfix -F hash:DIR/etc/postfix/sni_map', 'true', 'false'],
  })
}

const skip = unlessInstalled('postfix', 'dovecot', 'apache2')

t.test(
  'a Virtualmin host gets a renewal of a domain in all five of its files that its names are proven by, on 25, 465, 587, 110, 143, 993, 995 and 443',
  { skip },
  async (t) => {
    const host = await start(t)
    const path = (name: string): string => join(host.dir, ssl, name)

    const outcome = await renews(t, host, {
      connector: 'files',
      target: {
        service: 'example.org',
        files: [
          { path: path('ssl.ca'), format: 'chain' },
          { path: path('ssl.cert'), format: 'certificate' },
          { path: path('ssl.combined'), format: 'fullchain' },
          { path: path('ssl.everything'), format: 'key-and-chain' },
          { path: path('ssl.key'), format: 'key' },
        ],
        reload_command: 'true',
      },
      pairs: [nextOrg, lastOrg],
      provenAt: ['25 smtp', '110 pop3', '143 imap', '443 tls', '465 tls', '587 smtp', '993 tls', '995 tls'],
      failing: { reload_command: 'false' },
    })
    const asked = new Set(outcome.probes.flatMap(({ servername }) => servername ?? []))
    t.same([...asked].toSorted(), ['example.org', 'mail.example.org', 'waxseal.example.org', 'www.example.org'])
    t.equal(await readFile(path('ssl.everything'), 'utf8'), nextOrg.keyPem + nextOrg.certificatePem + nextOrg.chainPem)
  },
)

t.test(
  'a Virtualmin host whose target leaves out a file of the domain is refused untouched: its key is shared',
  { skip },
  async (t) => {
    const host = await start(t)
    const path = (name: string): string => join(host.dir, ssl, name)
    const key = { key_path: path('ssl.key') }
    const before = await host.look()

    const ofPostfix = { cert_path: path('ssl.cert'), chain_path: path('ssl.ca'), ...key }
    const refused = [
      await host.deploy('postfix', nextOrg, ofPostfix),
      await host.deploy('dovecot', nextOrg, { cert_path: path('ssl.combined'), ...key }),
    ]

    for (const outcome of refused) t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'KEY_SHARED' })
    t.match(refused[0]?.message, 'ssl.combined')
    t.match(refused[1]?.message, 'ssl.cert')
    t.same(await host.look(), before)
  },
)
