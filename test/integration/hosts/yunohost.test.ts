import { chmod, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners, postfixListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (name: string): Promise<TestPair> => authority.issue({ names: [name, `xmpp-upload.${name}`] })
const [net, org, nextOrg, lastOrg, nextNet] = await Promise.all([
  issue('example.net'),
  issue('example.org'),
  issue('example.org'),
  issue('example.org'),
  issue('example.net'),
])

t.test(
  'a YunoHost host gets a renewal that every name of its SNI map is proven by, on 25, 465, 587, 143, 993, 4190 and behind the TLS passthrough',
  { skip: unlessInstalled('postfix', 'dovecot', 'nginx') },
  async (t) => {
    const certs = 'etc/yunohost/certs'
    const history = (name: string): string => `${certs}/${name}-history/20260901.040000-letsencrypt`
    const pems = (name: string, pair: TestPair): Record<string, string> => ({
      [`${history(name)}/crt.pem`]: pair.certificatePem + pair.chainPem,
      [`${history(name)}/key.pem`]: pair.keyPem,
    })
    const host = await startHost(t, {
      pems: { ...pems('example.net', net), ...pems('example.org', org) },
      links: {
        [`${certs}/example.net`]: `DIR/${history('example.net')}`,
        [`${certs}/example.org`]: `DIR/${history('example.org')}`,
      },
      postfix: {
        main: `inet_interfaces = all
smtpd_use_tls = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files =
    DIR/${certs}/example.net/key.pem,
    DIR/${certs}/example.net/crt.pem
tls_server_sni_maps = hash:DIR/etc/postfix/sni
`,
        master: postfixListeners('smtpd', [465, 587]),
      },
      dovecot: `!include_try DIR/etc/dovecot/yunohost.d/pre-ext.conf
listen = *, ::
protocols = imap sieve
ssl = required
ssl_cert = <DIR/${certs}/example.net/crt.pem
ssl_key = <DIR/${certs}/example.net/key.pem
local_name example.org {
  ssl_cert = <DIR/${certs}/example.org/crt.pem
  ssl_key = <DIR/${certs}/example.org/key.pem
}
${dovecotListeners(143, 993, 4190)}`,
      nginx: `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {}
http {
  include DIR/etc/nginx/conf.d/*.conf;
}
stream {
  map $ssl_preread_server_name $behind {
    default 127.0.0.1:P444;
  }
  server {
    listen P443;
    ssl_preread on;
    proxy_protocol on;
    proxy_pass $behind;
  }
}
`,
      files: {
        'etc/postfix/sni': ['example.net', 'example.org']
          .map((name) => `${name} DIR/${certs}/${name}/key.pem DIR/${certs}/${name}/crt.pem\n`)
          .join(''),
        ...Object.fromEntries(
          ['example.net', 'example.org'].map((name) => [
            `etc/nginx/conf.d/${name}.conf`,
            `server {
  listen 127.0.0.1:P444 ssl proxy_protocol;
  server_name ${name};
  ssl_certificate DIR/${certs}/${name}/crt.pem;
  ssl_certificate_key DIR/${certs}/${name}/key.pem;
}
`,
          ]),
        ),
      },
      tables: ['etc/postfix/sni'],
      roots: [`DIR/${certs}`, 'DIR/etc/postfix'],
      commands: ['postmap -c DIR/etc/postfix -F hash:DIR/etc/postfix/sni'],
    })
    const targetOf = (name: string) => ({
      cert_path: join(host.dir, certs, name, 'crt.pem'),
      key_path: join(host.dir, certs, name, 'key.pem'),
    })
    const provenAt = ['25 smtp', '143 imap', '444 tls', '465 tls', '587 smtp', '993 tls', '4190 sieve']

    await chmod(join(host.dir, 'etc/postfix/sni'), 0o644)
    const refused = await host.deploy('postfix', nextOrg, targetOf('example.org'))
    await chmod(join(host.dir, 'etc/postfix/sni'), 0o640)

    t.match(refused, { outcome: 'refused', host: 'untouched', message: /chmod o-r/ }, 'its map is open to everyone')
    const outcome = await renews(t, host, {
      connector: 'postfix',
      target: targetOf('example.org'),
      pairs: [nextOrg, lastOrg],
      provenAt,
    })
    t.same(new Set(outcome.probes.map(({ servername }) => servername)), new Set(['example.org']))
    t.match(await host.deploy('dovecot', nextNet, targetOf('example.net')), { outcome: 'deployed', warnings: [] })
    const names = (await host.look()).map(({ at, name, served }) => `${at} ${name} ${served}`)
    t.ok(names.includes(`25 smtp example.net ${nextNet.sha256}`), 'the map has the main domain, too')
    t.ok(names.includes(`25 smtp null ${nextNet.sha256}`))
    t.equal(await readlink(join(host.dir, certs, 'example.org')), join(host.dir, history('example.org')))
  },
)
