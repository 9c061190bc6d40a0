import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { apacheOf } from '../../../src/connector/apache/apache.ts'
import { nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, seenBy } from './wired-host.ts'
import { startWiredWeb, type WebProgram } from './wired-web.ts'

const authority = await makeAuthority()
const [first, next, shop] = await Promise.all([
  authority.issue({ names: ['www.example.net'] }),
  authority.issue({ names: ['www.example.net'] }),
  authority.issue({ names: ['shop.test'] }),
])
const pems = {
  'tls/cert.pem': first.certificatePem,
  'private/of-www.key': first.keyPem,
  'tls/shop.pem': bundleOf(shop),
}

interface Web {
  readonly program: string
  readonly how: WebProgram
  /** `www.example.net` reads two files; `shop.test` at the same port has another pair in one. */
  readonly files: Readonly<Record<string, string>>
}

const nginx = (dir: string): Command => ['nginx', '-p', dir, '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`]
const apache = (dir: string): Command => ['apache2', '-f', `${dir}/httpd.conf`]
const apacheCommands = (dir: string): [Command, Command] => [
  [...apache(dir), '-t'],
  [...apache(dir), '-k', 'graceful'],
]
const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb']

const webs: readonly Web[] = [
  {
    program: 'nginx',
    how: {
      connectorOf: (dir) => nginxOf(nginx(dir)),
      start: (dir) => [nginx(dir)],
      stop: (dir) => runOrThrow([...nginx(dir), '-s', 'quit']),
      commands: (dir) => [
        [...nginx(dir), '-t'],
        [...nginx(dir), '-s', 'reload'],
      ],
    },
    files: {
      'nginx.conf': `user root;
pid DIR/nginx.pid;
error_log DIR/error.log;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  server { listen 127.0.0.1:PORT1 ssl; server_name www.example.net; ssl_certificate tls/cert.pem; ssl_certificate_key private/of-www.key; }
  server { listen 127.0.0.1:PORT1 ssl; server_name shop.test; ssl_certificate tls/shop.pem; ssl_certificate_key tls/shop.pem; }
}
`,
    },
  },
  {
    program: 'apache2',
    how: {
      connectorOf: (dir) =>
        apacheOf({ program: apache(dir), check: apacheCommands(dir)[0], reload: apacheCommands(dir)[1] }),
      start: (dir) => [[...apache(dir), '-k', 'start']],
      stop: (dir) => runOrThrow([...apache(dir), '-k', 'stop']),
      commands: apacheCommands,
    },
    files: {
      'httpd.conf': `ServerRoot DIR
ServerName localhost
PidFile DIR/apache.pid
DefaultRuntimeDir DIR
Mutex file:DIR default
ErrorLog DIR/error.log
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
Listen 127.0.0.1:PORT1
<VirtualHost *:PORT1>
  ServerName www.example.net
  SSLEngine on
  SSLCertificateFile tls/cert.pem
  SSLCertificateKeyFile private/of-www.key
</VirtualHost>
<VirtualHost *:PORT1>
  ServerName shop.test
  SSLEngine on
  SSLCertificateFile tls/shop.pem
</VirtualHost>
`,
    },
  },
]

for (const { program, how, files } of webs) {
  t.test(
    `${program}: a blanked key path is the one that its settings name`,
    { skip: unlessInstalled(program) },
    async (t) => {
      const web = await startWiredWeb(t, how, { ...pems, ...files }, ['tls'])
      const at = { host: '127.0.0.1', port: web.ports[0] ?? 0, protocol: 'tls' } as const

      const outcome = await web.deploy(next, { cert_path: join(web.dir, 'tls/cert.pem'), key_path: '********' })
      const astray = await web.deploy(next, { cert_path: join(web.dir, 'tls/other.pem'), key_path: '********' })

      t.match(outcome, { outcome: 'deployed', host: 'changed' })
      t.equal(await readFile(join(web.dir, 'private/of-www.key'), 'utf8'), next.keyPem)
      t.same([await seenBy(at, 'www.example.net'), await seenBy(at, 'shop.test')], [next.sha256, shop.sha256])
      t.match(astray, { outcome: 'refused', code: 'TARGET_REDACTED', message: /no listener reads .*other\.pem/ })
    },
  )
}
