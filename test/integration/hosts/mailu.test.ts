import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const first = await authority.issue({ names })
const [second, third, rsa, nextRsa] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names }),
  authority.issue({ names, keyType: 'rsa' }),
  authority.issue({ names, keyType: 'rsa' }),
])
const mailModule = '/usr/lib/nginx/modules/ngx_mail_module.so'
const skip = unlessInstalled('nginx') || (existsSync(mailModule) ? false : "nginx's mail module is not installed")

/** The front of Mailu: nginx speaks TLS for all, Postfix and Dovecot behind it have none. */
function front(listen: string, smtp: string): string {
  const mail = [
    [`P143${listen}`, 'imap', 'starttls only;'],
    [`P110${listen}`, 'pop3', 'starttls only;'],
    [`P587${listen}`, 'smtp', 'starttls only;'],
    [`P465 ssl${listen}`, 'smtp', ''],
    [`P993 ssl${listen}`, 'imap', ''],
    [`P995 ssl${listen}`, 'pop3', ''],
  ].map(
    ([where, protocol, more]) => `  server { listen ${where}; listen [::]:${where}; protocol ${protocol}; ${more} }`,
  )
  return `load_module ${mailModule};
events {}
http {
  server {
    listen P443 ssl http2${listen};
    listen [::]:P443 ssl http2${listen};
    include DIR/etc/nginx/tls.conf;
    ssl_stapling on;
  }
  server { listen 127.0.0.1:P8000; }
}
mail {
  server_name mail.example.net;
  auth_http http://127.0.0.1:P8000/auth/email;
  include DIR/etc/nginx/tls.conf;
  set_real_ip_from 127.0.0.0/8;
  server { listen P10025; protocol smtp; smtp_auth plain; }
  server { listen P10143; protocol imap; }
  server {
    listen P25${listen};
    listen [::]:P25${listen};
    ${smtp}
    starttls on;
    protocol smtp;
    smtp_auth none;
  }
${mail.join('\n')}
}
`
}

t.test(
  'the front of Mailu behind a proxy gets a renewal that is proven with the PROXY header on 25, 465, 587, 143, 993, 110, 995 and 443',
  { skip },
  async (t) => {
    const host = await startHost(t, {
      pems: { 'certs/cert.pem': first.certificatePem + first.chainPem, 'certs/key.pem': first.keyPem },
      files: { 'etc/nginx/tls.conf': 'ssl_certificate DIR/certs/cert.pem;\nssl_certificate_key DIR/certs/key.pem;\n' },
      nginx: front(' proxy_protocol', ''),
      roots: ['DIR/certs'],
    })

    await renews(t, host, {
      connector: 'nginx',
      target: { cert_path: join(host.dir, 'certs/cert.pem'), key_path: join(host.dir, 'certs/key.pem') },
      pairs: [second, third],
      provenAt: ['25 smtp', '110 pop3', '143 imap', '443 tls', '465 tls', '587 smtp', '993 tls', '995 tls'],
      warnings: [/takes the new files and warns/],
    })
  },
)

t.test(
  "the copy of the chain that Mailu's own client leaves beside its key: a new key for it alone is refused, for port 25 reads the other one",
  { skip },
  async (t) => {
    const live = 'certs/letsencrypt/live'
    const pemsOf = (name: string, pair: TestPair): Record<string, string> => ({
      [`${live}/${name}/fullchain.pem`]: pair.certificatePem + pair.chainPem,
      [`${live}/${name}/nginx-chain.pem`]: pair.certificatePem + pair.chainPem,
      [`${live}/${name}/privkey.pem`]: pair.keyPem,
    })
    const named = (file: string): string =>
      ['mailu', 'mailu-ecdsa'].map((name) => `ssl_certificate DIR/${live}/${name}/${file};`).join('\n')
    const host = await startHost(t, {
      pems: { ...pemsOf('mailu', rsa), ...pemsOf('mailu-ecdsa', first) },
      files: {
        'etc/nginx/tls.conf': `${named('nginx-chain.pem')}
ssl_certificate_key DIR/${live}/mailu/privkey.pem;
ssl_certificate_key DIR/${live}/mailu-ecdsa/privkey.pem;
`,
      },
      nginx: front('', named('fullchain.pem')),
      roots: ['DIR/certs'],
    })
    const target = {
      cert_path: join(host.dir, live, 'mailu/nginx-chain.pem'),
      key_path: join(host.dir, live, 'mailu/privkey.pem'),
    }

    const outcome = await host.deploy('nginx', nextRsa, target)

    t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'KEY_SHARED' })
    t.match(outcome.message, join(host.dir, live, 'mailu/fullchain.pem'))
    const sights = await host.look()
    for (const { at, file, served } of sights) t.equal(served, file, at)
    t.same(new Set(sights.map(({ served }) => served)), new Set([rsa.sha256, first.sha256]))
  },
)
