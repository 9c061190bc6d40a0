import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { type HostAsItIs, startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['box.example.net']
const first = await authority.issue({ names, keyType: 'rsa' })
const issue = (options: { keyOf?: TestPair } = {}): Promise<TestPair> =>
  authority.issue({ names, keyType: 'rsa', ...options })
const [second, third, another, site] = await Promise.all([
  issue({ keyOf: first }),
  issue({ keyOf: first }),
  issue(),
  authority.issue({ names: ['www.example.org'], keyType: 'rsa', keyOf: first }),
])
const skip = unlessInstalled('postfix', 'dovecot', 'nginx')
const provenAt = [
  '25 smtp',
  '143 imap',
  '443 tls',
  '465 tls',
  '587 smtp',
  '993 tls',
  '995 tls',
  '4190 sieve',
  '10026 lmtp',
]

t.test(
  'a Mail-in-a-Box host gets a renewal with its one key that is proven on 25, 465, 587, 143, 993, 995, 4190, 10026 and 443',
  { skip },
  async (t) => {
    const { host, target } = await start(t)

    await renews(t, host, { connector: 'postfix', target, pairs: [second, third], provenAt })
  },
)

t.test(
  'a new key on a Mail-in-a-Box host is refused untouched: the certificates of its other sites have the old one',
  { skip },
  async (t) => {
    const { host, target } = await start(t)

    const outcome = await host.deploy('postfix', another, target)

    t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'KEY_SHARED' })
    t.match(outcome.message, 'www.example.org-20270101-1a2b3c4d.pem')
    for (const { at, file, served } of await host.look()) t.equal(served, file, at)
  },
)

/** One key for all certificates; the link to the host's own has the date of its end in its name. */
async function start(t: Test): Promise<{ readonly host: HostAsItIs; readonly target: Record<string, string> }> {
  const [ssl, address] = ['home/user-data/ssl', '127.0.0.1']
  const host = await startHost(t, {
    pems: {
      [`${ssl}/ssl_private_key.pem`]: first.keyPem,
      [`${ssl}/box.example.net-20270101-5e6f7a8b.pem`]: first.certificatePem + first.chainPem,
      [`${ssl}/www.example.org-20270101-1a2b3c4d.pem`]: site.certificatePem + site.chainPem,
    },
    links: { [`${ssl}/ssl_certificate.pem`]: `DIR/${ssl}/box.example.net-20270101-5e6f7a8b.pem` },
    postfix: {
      main: `inet_interfaces = all
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/${ssl}/ssl_certificate.pem
smtpd_tls_key_file = DIR/${ssl}/ssl_private_key.pem
`,
      master: postfixListeners('smtpd', [465, 587]),
    },
    dovecot: `protocols = imap pop3 lmtp sieve
ssl = required
ssl_cert = <DIR/${ssl}/ssl_certificate.pem
ssl_key = <DIR/${ssl}/ssl_private_key.pem
${dovecotListeners({ kind: 'imap', port: 0 }, 993, { kind: 'pop3', port: 0 }, 995, 4190)}!include conf.d/*.conf
`,
    nginx: `events {}
http {
  include DIR/etc/nginx/conf.d/*.conf;
}
`,
    files: {
      'etc/dovecot/conf.d/99-local.conf': dovecotListeners(
        { kind: 'lmtp', port: 10026, address },
        { kind: 'imap', port: 143, address },
      ),
      'etc/nginx/conf.d/local.conf': `server {
  listen P443 ssl;
  listen [::]:P443 ssl;
  server_name box.example.net;
  ssl_certificate DIR/${ssl}/ssl_certificate.pem;
  ssl_certificate_key DIR/${ssl}/ssl_private_key.pem;
}
server {
  listen P443 ssl;
  listen [::]:P443 ssl;
  server_name www.example.org;
  ssl_certificate DIR/${ssl}/www.example.org-20270101-1a2b3c4d.pem;
  ssl_certificate_key DIR/${ssl}/ssl_private_key.pem;
}
`,
    },
    roots: ['DIR/home/user-data/ssl'],
  })
  const target = {
    cert_path: join(host.dir, ssl, 'ssl_certificate.pem'),
    key_path: join(host.dir, ssl, 'ssl_private_key.pem'),
  }
  return { host, target }
}
