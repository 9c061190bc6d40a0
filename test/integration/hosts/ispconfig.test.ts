import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, fromFilter, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['server1.example.net'] })
const [first, second, third] = await Promise.all([issue(), issue(), issue()])

t.test(
  'an ISPConfig host gets a renewal of the pair and of its FTP bundle that is proven on 25, 465, 587, 110, 143, 993, 995, 8080 and 8081',
  { skip: unlessInstalled('postfix', 'dovecot', 'apache2') },
  async (t) => {
    const ssl = 'usr/local/ispconfig/interface/ssl'
    const pair = `SSLEngine on
  SSLCertificateFile DIR/${ssl}/ispserver.crt
  SSLCertificateKeyFile DIR/${ssl}/ispserver.key`
    const host = await startHost(t, {
      pems: {
        [`${ssl}/ispserver.crt`]: first.certificatePem + first.chainPem,
        [`${ssl}/ispserver.key`]: first.keyPem,
        [`${ssl}/ispserver.pem`]: first.keyPem + first.certificatePem + first.chainPem,
      },
      links: {
        'etc/postfix/smtpd.cert': `DIR/${ssl}/ispserver.crt`,
        'etc/postfix/smtpd.key': `DIR/${ssl}/ispserver.key`,
        'etc/ssl/private/pure-ftpd.pem': `DIR/${ssl}/ispserver.pem`,
      },
      postfix: {
        main: `inet_interfaces = all
smtpd_tls_cert_file = DIR/etc/postfix/smtpd.cert
smtpd_tls_key_file = DIR/etc/postfix/smtpd.key
smtpd_use_tls = yes
smtpd_tls_security_level = may
`,
        master: postfixListeners('smtpd', [465, 587]) + fromFilter(10025) + fromFilter(10027),
      },
      dovecot: `listen = *,[::]
protocols = imap pop3
ssl_cert = <DIR/etc/postfix/smtpd.cert
ssl_key = <DIR/etc/postfix/smtpd.key
${dovecotListeners(143, 993, 110, 995)}`,
      apache: `Listen P8080
Listen P8081
Include DIR/etc/apache2/sites-enabled/*.vhost
`,
      files: {
        'etc/apache2/sites-enabled/000-ispconfig.vhost': `<VirtualHost _default_:P8080>
  ${pair}
</VirtualHost>
`,
        'etc/apache2/sites-enabled/000-apps.vhost': `<VirtualHost _default_:P8081>
  ${pair}
</VirtualHost>
`,
      },
      roots: [`DIR/${ssl}`],
      commands: ['true', 'false'],
    })
    const bundle = join(host.dir, 'etc/ssl/private/pure-ftpd.pem')

    await renews(t, host, {
      connector: 'files',
      target: {
        service: 'pure-ftpd',
        files: [
          { path: join(host.dir, 'etc/postfix/smtpd.cert'), format: 'fullchain' },
          { path: join(host.dir, 'etc/postfix/smtpd.key'), format: 'key' },
          { path: bundle, format: 'key-and-chain' },
        ],
        reload_command: 'true',
      },
      pairs: [second, third],
      provenAt: [
        '25 smtp',
        '110 pop3',
        '143 imap',
        '465 tls',
        '587 smtp',
        '993 tls',
        '995 tls',
        '8080 tls',
        '8081 tls',
      ],
      failing: { reload_command: 'false' },
    })
    t.equal(await readFile(bundle, 'utf8'), second.keyPem + second.certificatePem + second.chainPem)
    t.equal(await readlink(bundle), join(host.dir, ssl, 'ispserver.pem'))
  },
)
