import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['host.example.net']
const issue = (): Promise<TestPair> => authority.issue({ names, keyType: 'rsa' })
const [first, second, third, shop] = await Promise.all([
  issue(),
  issue(),
  issue(),
  authority.issue({ names: ['shop.test'] }),
])

t.test(
  'a Froxlor host gets a renewal of the full chain for mail and of leaf and chain for Apache, proven on 25, 465, 587, 110, 143, 993, 995 and 443, beside a customer’s own',
  { skip: unlessInstalled('postfix', 'dovecot', 'apache2') },
  async (t) => {
    const ssl = 'etc/ssl/froxlor-custom'
    const vhost = (name: string): string => `<VirtualHost *:P443>
  ServerName ${name}
  SSLEngine on
  SSLCertificateFile DIR/${ssl}/${name}.crt
  SSLCertificateKeyFile DIR/${ssl}/${name}.key
  SSLCertificateChainFile DIR/${ssl}/${name}_chain.pem
</VirtualHost>
`
    const pems = (name: string, pair: TestPair): Record<string, string> => ({
      [`${ssl}/${name}.crt`]: pair.certificatePem,
      [`${ssl}/${name}.key`]: pair.keyPem,
      [`${ssl}/${name}_chain.pem`]: pair.chainPem,
      [`${ssl}/${name}_fullchain.pem`]: pair.certificatePem + pair.chainPem,
    })
    const host = await startHost(t, {
      pems: { ...pems('host.example.net', first), ...pems('shop.test', shop) },
      postfix: {
        main: `inet_interfaces = all
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_use_tls = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/${ssl}/host.example.net_fullchain.pem
smtpd_tls_key_file = DIR/${ssl}/host.example.net.key
`,
        master: postfixListeners('postscreen', [465, 587]),
      },
      dovecot: `!include DIR/etc/dovecot/conf.d/10-master.conf
!include DIR/etc/dovecot/conf.d/10-ssl.conf
`,
      apache: `Listen P443
IncludeOptional DIR/etc/apache2/sites-enabled/*.conf
`,
      files: {
        'etc/dovecot/conf.d/10-ssl.conf': `ssl = yes
ssl_cert = <DIR/${ssl}/host.example.net_fullchain.pem
ssl_key = <DIR/${ssl}/host.example.net.key
`,
        'etc/dovecot/conf.d/10-master.conf': `protocols = imap pop3
${dovecotListeners(143, 993, 110, 995)}`,
        'etc/apache2/sites-enabled/10_froxlor.conf': vhost('host.example.net'),
        'etc/apache2/sites-enabled/35_froxlor_normal.conf': vhost('shop.test'),
      },
      roots: [`DIR/${ssl}`],
      commands: ['true', 'false'],
    })
    const path = (suffix: string): string => join(host.dir, ssl, `host.example.net${suffix}`)

    await renews(t, host, {
      connector: 'files',
      target: {
        service: 'froxlor',
        files: [
          { path: path('_chain.pem'), format: 'chain' },
          { path: path('.crt'), format: 'certificate' },
          { path: path('_fullchain.pem'), format: 'fullchain' },
          { path: path('.key'), format: 'key' },
        ],
        reload_command: 'true',
      },
      pairs: [second, third],
      provenAt: ['25 smtp', '110 pop3', '143 imap', '443 tls', '465 tls', '587 smtp', '993 tls', '995 tls'],
      failing: { reload_command: 'false' },
    })
    const customers = (await host.look()).filter(({ name }) => name === 'shop.test')
    t.same(new Set(customers.map(({ served }) => served)), new Set([shop.sha256]))
  },
)
