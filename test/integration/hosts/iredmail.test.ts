import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, fromFilter, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const issue = (): Promise<TestPair> => authority.issue({ names })
const [first, second, third] = await Promise.all([issue(), issue(), issue()])

t.test(
  'an iRedMail host gets a renewal that is proven on 24, 25, 465, 587, 143, 993, 110, 995, 4190 and 443',
  { skip: unlessInstalled('postfix', 'dovecot', 'nginx') },
  async (t) => {
    const live = 'etc/letsencrypt/live/mail.example.net'
    const address = '127.0.0.1'
    const archive = 'etc/letsencrypt/archive/mail.example.net'
    const host = await startHost(t, {
      pems: {
        [`${archive}/fullchain1.pem`]: first.certificatePem + first.chainPem,
        [`${archive}/privkey1.pem`]: first.keyPem,
      },
      links: {
        [`${live}/fullchain.pem`]: '../../archive/mail.example.net/fullchain1.pem',
        [`${live}/privkey.pem`]: '../../archive/mail.example.net/privkey1.pem',
        'etc/ssl/certs/iRedMail.crt': `DIR/${live}/fullchain.pem`,
        'etc/ssl/private/iRedMail.key': `DIR/${live}/privkey.pem`,
      },
      postfix: {
        // The certificate is named as CA file, too.
        main: `inet_protocols = all
inet_interfaces = all
smtpd_tls_key_file = DIR/etc/ssl/private/iRedMail.key
smtpd_tls_cert_file = DIR/etc/ssl/certs/iRedMail.crt
smtpd_tls_CAfile = $smtpd_tls_cert_file
smtp_tls_CAfile = $smtpd_tls_CAfile
smtpd_tls_security_level = may
`,
        master: postfixListeners('smtpd', [465, 587]) + fromFilter(10025),
      },
      dovecot: `listen = * [::]
protocols = pop3 imap sieve lmtp
ssl = required
ssl_cert = <DIR/etc/ssl/certs/iRedMail.crt
ssl_key = <DIR/etc/ssl/private/iRedMail.key
${dovecotListeners(143, 993, 110, 995, { kind: 'sieve', port: 4190, address }, { kind: 'lmtp', port: 24, address })}!include_try DIR/etc/dovecot/conf-enabled/*.conf
`,
      nginx: `events {}
http {
  include DIR/etc/nginx/sites-enabled/*.conf;
}
`,
      files: {
        'etc/nginx/sites-enabled/00-default-ssl.conf': `server {
  listen P443 ssl;
  server_name _;
  include DIR/etc/nginx/templates/ssl.tmpl;
}
`,
        'etc/nginx/templates/ssl.tmpl': `ssl_certificate DIR/etc/ssl/certs/iRedMail.crt;
ssl_certificate_key DIR/etc/ssl/private/iRedMail.key;
`,
      },
      roots: ['DIR/etc/letsencrypt/archive'],
    })
    const target = {
      cert_path: join(host.dir, 'etc/ssl/certs/iRedMail.crt'),
      key_path: join(host.dir, 'etc/ssl/private/iRedMail.key'),
    }

    await renews(t, host, {
      connector: 'postfix',
      target,
      pairs: [second, third],
      provenAt: [
        '24 lmtp',
        '25 smtp',
        '110 pop3',
        '143 imap',
        '443 tls',
        '465 tls',
        '587 smtp',
        '993 tls',
        '995 tls',
        '4190 sieve',
      ],
    })
    t.equal(await readlink(target.cert_path), join(host.dir, live, 'fullchain.pem'), 'the links stay')
    t.equal(await readFile(target.cert_path, 'utf8'), second.certificatePem + second.chainPem)
    t.same((await readdir(join(host.dir, archive))).toSorted(), ['fullchain1.pem', 'privkey1.pem'])
  },
)
