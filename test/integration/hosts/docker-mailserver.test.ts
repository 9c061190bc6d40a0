import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const issue = (): Promise<TestPair> => authority.issue({ names })
const [first, second, third, fallback] = await Promise.all([
  issue(),
  issue(),
  issue(),
  authority.issue({ names, keyType: 'rsa' }),
])

t.test(
  'a docker-mailserver behind a proxy gets a renewal that is proven with the PROXY header on 25, 465, 587, 143 and 10993, beside its RSA pair',
  { skip: unlessInstalled('postfix', 'dovecot') },
  async (t) => {
    const tls = 'etc/dms/tls'
    const haproxy = true
    const host = await startHost(t, {
      pems: {
        [`${tls}/key`]: first.keyPem,
        [`${tls}/cert`]: first.certificatePem + first.chainPem,
        [`${tls}/fallback_key`]: fallback.keyPem,
        [`${tls}/fallback_cert`]: fallback.certificatePem + fallback.chainPem,
      },
      postfix: {
        main: `inet_interfaces = all
mynetworks = 127.0.0.0/8
smtpd_tls_chain_files = DIR/${tls}/key DIR/${tls}/cert DIR/${tls}/fallback_key DIR/${tls}/fallback_cert
smtpd_tls_security_level = may
postscreen_access_list = permit_mynetworks
postscreen_upstream_proxy_protocol = haproxy
`,
        master: `${postfixListeners('postscreen', [465, 587], '  -o smtpd_upstream_proxy_protocol=haproxy\n')}127.0.0.1:P10025 inet n - n - - smtpd
  -o content_filter=
`,
      },
      dovecot: `protocols = imap
ssl = required
ssl_cert = <DIR/${tls}/cert
ssl_key = <DIR/${tls}/key
ssl_alt_cert = <DIR/${tls}/fallback_cert
ssl_alt_key = <DIR/${tls}/fallback_key
haproxy_trusted_networks = 10.0.0.0/8, 127.0.0.0/8, ::1
haproxy_timeout = 3 secs
service imap-login {
  chroot =
}
${dovecotListeners({ kind: 'imap', port: 143, haproxy }, { kind: 'imaps', port: 10993, haproxy })}`,
      roots: ['DIR/etc/dms/tls'],
      commands: ['false'],
    })

    await renews(t, host, {
      connector: 'postfix',
      target: { cert_path: join(host.dir, tls, 'cert'), key_path: join(host.dir, tls, 'key') },
      pairs: [second, third],
      provenAt: ['25 smtp', '143 imap', '465 tls', '587 smtp', '10025 smtp', '10993 tls'],
      failing: { reload_command: 'false' },
    })
  },
)
