import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })
const [first, second, third] = await Promise.all([issue(), issue(), issue()])

t.test(
  'a Modoboa host gets a renewal that is proven behind postscreen on 25, and on 587, 143, 993, 110, 995, 4190 and 443',
  { skip: unlessInstalled('postfix', 'dovecot', 'nginx') },
  async (t) => {
    const live = 'etc/letsencrypt/live/mail.example.net'
    const archive = 'etc/letsencrypt/archive/mail.example.net'
    const host = await startHost(t, {
      pems: {
        [`${archive}/fullchain7.pem`]: first.certificatePem + first.chainPem,
        [`${archive}/privkey7.pem`]: first.keyPem,
      },
      links: {
        [`${live}/fullchain.pem`]: '../../archive/mail.example.net/fullchain7.pem',
        [`${live}/privkey.pem`]: '../../archive/mail.example.net/privkey7.pem',
      },
      postfix: {
        main: `inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_use_tls = yes
smtpd_tls_key_file = DIR/${live}/privkey.pem
smtpd_tls_cert_file = DIR/${live}/fullchain.pem
smtpd_tls_security_level = may
postscreen_access_list =
       permit_mynetworks
postscreen_greet_action = enforce
postscreen_pipelining_enable = yes
postscreen_non_smtp_command_enable = yes
postscreen_bare_newline_enable = yes
`,
        master: postfixListeners('postscreen', [587]),
      },
      dovecot: `protocols = imap pop3 sieve
!include conf.d/*.conf
!include_try conf.d/*.try
`,
      nginx: `events {}
http {
  include DIR/etc/nginx/conf.d/*.conf;
}
`,
      files: {
        'etc/dovecot/conf.d/10-master.conf': dovecotListeners(143, 993, 110, 995, 4190),
        // Of its own, for not everybody may read the key.
        'etc/dovecot/conf.d/10-ssl-keys.try': `ssl_cert = <DIR/${live}/fullchain.pem
ssl_key = <DIR/${live}/privkey.pem
`,
        'etc/nginx/conf.d/mail.example.net.conf': `server {
  listen P443 ssl http2;
  listen [::]:P443 ssl http2;
  server_name mail.example.net;
  ssl_certificate DIR/${live}/fullchain.pem;
  ssl_certificate_key DIR/${live}/privkey.pem;
}
`,
      },
      roots: ['DIR/etc/letsencrypt/archive'],
    })

    await renews(t, host, {
      connector: 'dovecot',
      target: {
        cert_path: join(host.dir, live, 'fullchain.pem'),
        key_path: join(host.dir, live, 'privkey.pem'),
      },
      pairs: [second, third],
      provenAt: ['25 smtp', '110 pop3', '143 imap', '443 tls', '587 smtp', '993 tls', '995 tls', '4190 sieve'],
    })
  },
)
