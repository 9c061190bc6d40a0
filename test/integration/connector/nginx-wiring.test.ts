import { existsSync } from 'node:fs'
import t from 'tap'
import { nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { readNginxWiring } from '../../../src/connector/nginx/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { bundleOf, compareWithServed } from './wired-host.ts'
import { linesOf, startWiredWeb, told, type WebProgram } from './wired-web.ts'

const authority = await makeAuthority()
const [first, ec, rsa, wild, local, next] = await Promise.all([
  authority.issue({ names: ['www.example.net'] }),
  authority.issue({ names: ['shop.test'] }),
  authority.issue({ names: ['shop.test'], keyType: 'rsa' }),
  authority.issue({ names: ['*.example.org', 'example.org'] }),
  authority.issue({ names: ['local.test'] }),
  authority.issue({ names: ['www.example.net'] }),
])
const pems = {
  'tls/cert.pem': first.certificatePem + first.chainPem,
  'tls/key.pem': first.keyPem,
  'tls/ec.pem': bundleOf(ec),
  'tls/rsa.pem': bundleOf(rsa),
  'tls/wild.pem': bundleOf(wild),
  'tls/local.pem': bundleOf(local),
  'tls/unread.pem': bundleOf(next),
}

const modules = '/usr/lib/nginx/modules'

const commandOf = (dir: string): Command => ['nginx', '-p', dir, '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`]
const program: WebProgram = {
  connectorOf: (dir) => nginxOf(commandOf(dir)),
  start: (dir) => [commandOf(dir)],
  stop: async (dir) => runQuit(dir),
  commands: (dir) => [
    [...commandOf(dir), '-t'],
    [...commandOf(dir), '-s', 'reload'],
  ],
}

const around = `user root;
pid DIR/nginx.pid;
error_log DIR/error.log;
events {}
`
const http = `access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  server_names_hash_bucket_size 128;`

t.test(
  'nginx: the wiring names the files whose leaf is served, by name, address, and key type',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'snippets/pair.conf': `ssl_certificate tls/wild.pem; # relative to nginx.conf\nssl_certificate_key "DIR/tls/wild.pem";\n`,
        'sites/10-first.conf': `server {
  listen PORT1 ssl http2; listen [::]:PORT1 ssl;
  server_name www.example.net WWW.Example.NET;
}`,
        'sites/20-shop.conf': `server { # has "quotes' in a comment
  listen PORT1; listen [::]:PORT1;
  server_name shop.test "~^(?<sub>[a-z]{3})\\.shop\\.test$" mail.*;
  ssl_certificate DIR/tls/ec.pem; ssl_certificate_key DIR/tls/ec.pem;
  ssl_certificate DIR/tls/rsa.pem; ssl_certificate_key DIR/tls/rsa.pem;
  location / { return 200 "a { b; } c"; }
}`,
        'sites/30-wild.conf': `server {
  listen PORT1 ssl;
  server_name .example.org;
  include snippets/pair.conf;
}
server {
  listen 127.0.0.1:PORT2 ssl;
  server_name local.test;
  ssl_certificate tls/local.pem; ssl_certificate_key tls/local.pem;
}
server { listen PORT2 default_server; server_name _; }
server { listen PORT2 ssl; server_name late.test; }
server { listen 127.0.0.1:PORT3 ssl; ssl_reject_handshake on; }
server { listen 127.0.0.1:PORT3 ssl; server_name only.test; include snippets/pair.conf; }
server { listen 127.0.0.1:PORT4; server_name plain.test; }
server { listen PORT4 ssl; }`,
        'sites/.hidden.conf': 'server { listen PORT1 ssl; server_name hidden.test; }',
        'nginx.conf': `${around}http {
  ${http}
  map $host $x { default "{"; '~^a;b' 1; }
  ssl_certificate tls/cert.pem;
  ssl_certificate_key tls/key.pem;
  include sites/*.conf;
}
`,
      },
      ['tls', 'tls', null, null],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed(wiring)

    const pair = 'c:tls/cert.pem k:tls/key.pem'
    t.same(linesOf(wiring, web), [
      `127.0.0.1 PORT1 tls - ${pair}`,
      `127.0.0.1 PORT1 tls www.example.net ${pair}`,
      '127.0.0.1 PORT1 tls shop.test b:tls/ec.pem b:tls/rsa.pem',
      '127.0.0.1 PORT1 tls example.org b:tls/wild.pem',
      '127.0.0.1 PORT1 tls *.example.org b:tls/wild.pem',
      `::1 PORT1 tls - ${pair}`,
      `::1 PORT1 tls www.example.net ${pair}`,
      '::1 PORT1 tls shop.test b:tls/ec.pem b:tls/rsa.pem',
      '127.0.0.1 PORT2 tls - b:tls/local.pem',
      '127.0.0.1 PORT2 tls local.test b:tls/local.pem',
      `127.0.0.2 PORT2 tls - ${pair}`,
      `127.0.0.2 PORT2 tls late.test ${pair}`,
      '127.0.0.1 PORT3 tls only.test b:tls/wild.pem',
      `127.0.0.2 PORT4 tls - ${pair}`,
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.equal(compared.length, 16)
    t.same(wiring.doubts, [])
  },
)

t.test(
  'nginx: one address that several servers write each in its way is one socket',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'nginx.conf': `${around}http {
  ${http}
  ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;
  server { listen [::]:PORT1 ssl; server_name www.example.net; }
  server {
    listen [::]:PORT1 ssl ipv6only=off default_server;
    server_name local.test;
    ssl_certificate tls/local.pem; ssl_certificate_key tls/local.pem;
  }
  server { listen localhost:PORT2; server_name www.example.net; }
  server {
    listen 127.0.0.1:PORT2 ssl default_server;
    server_name local.test;
    ssl_certificate tls/local.pem; ssl_certificate_key tls/local.pem;
  }
  server { listen PORT2 ssl; server_name example.org; ssl_certificate tls/wild.pem; ssl_certificate_key tls/wild.pem; }
}
`,
      },
      ['tls', 'tls'],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed(wiring)

    t.same(linesOf(wiring, web), [
      '127.0.0.1 PORT1 tls - b:tls/local.pem',
      '127.0.0.1 PORT1 tls www.example.net c:tls/cert.pem k:tls/key.pem',
      '127.0.0.1 PORT1 tls local.test b:tls/local.pem',
      '::1 PORT1 tls - b:tls/local.pem',
      '::1 PORT1 tls www.example.net c:tls/cert.pem k:tls/key.pem',
      '::1 PORT1 tls local.test b:tls/local.pem',
      '127.0.0.1 PORT2 tls - b:tls/local.pem',
      '127.0.0.1 PORT2 tls www.example.net c:tls/cert.pem k:tls/key.pem',
      '127.0.0.1 PORT2 tls local.test b:tls/local.pem',
      '127.0.0.2 PORT2 tls - b:tls/wild.pem',
      '127.0.0.2 PORT2 tls example.org b:tls/wild.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.same(wiring.doubts, [])
  },
)

t.test(
  'nginx: mail with STARTTLS, streams, the PROXY header, and what cannot be told',
  { skip: unlessInstalled('nginx') || unlessModules('mail', 'stream') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'nginx.conf': `load_module ${modules}/ngx_mail_module.so;
load_module ${modules}/ngx_stream_module.so;
${around}http {
  ${http}
  server {
    listen 127.0.0.1:PORT4 ssl proxy_protocol;
    ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;
  }
  server {
    listen 127.0.0.1:PORT5 ssl;
    ssl_certificate tls/$ssl_server_name.pem; ssl_certificate_key tls/$ssl_server_name.pem;
  }
  server {
    listen unix:DIR/nginx.sock ssl;
    ssl_certificate tls/local.pem; ssl_certificate_key tls/local.pem;
    location / { proxy_pass https://127.0.0.1; proxy_ssl_certificate tls/ec.pem; proxy_ssl_certificate_key tls/ec.pem; }
  }
}
mail {
  auth_http 127.0.0.1:1;
  ssl_certificate tls/cert.pem;
  ssl_certificate_key tls/key.pem;
  starttls on;
  server { listen 127.0.0.1:PORT1; protocol imap; }
  server { listen 127.0.0.1:PORT2; protocol smtp; starttls only; smtp_auth none; }
  server { listen 127.0.0.1:PORT6; protocol pop3; starttls off; }
}
stream {
  server { listen 127.0.0.1:PORT3 ssl; ssl_certificate tls/wild.pem; ssl_certificate_key tls/wild.pem; return "x"; }
  server { listen 127.0.0.1:PORT3 udp; return "x"; }
}
`,
      },
      ['imap', 'smtp', 'tls', null, null, null],
    )

    const wiring = told(await web.readWiring())
    const bare = wiring.listeners.filter(({ proxy }) => proxy === undefined)
    const compared = await compareWithServed({ ...wiring, listeners: bare })

    t.same(linesOf(wiring, web), [
      '127.0.0.1 PORT4 tls proxy1 - c:tls/cert.pem k:tls/key.pem',
      '127.0.0.1 PORT1 imap - c:tls/cert.pem k:tls/key.pem',
      '127.0.0.1 PORT2 smtp - c:tls/cert.pem k:tls/key.pem',
      '127.0.0.1 PORT3 tls - b:tls/wild.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.equal(compared.length, 3)
    t.same(wiring.doubts, ['nginx makes the path of a pair anew for each connection.'])
    for (const file of ['local.pem', 'ec.pem']) t.ok(wiring.named.includes(`${web.dir}/tls/${file}`), file)
  },
)

t.test(
  'nginx: a target without endpoints is proven on every listener that reads its files, and a pair that none reads is told',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'nginx.conf': `${around}http {
  ${http}
  ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;
  server { listen PORT1 ssl; listen [::]:PORT1 ssl; server_name www.example.net; }
  server { listen PORT1 ssl; server_name example.org; ssl_certificate tls/wild.pem; ssl_certificate_key tls/wild.pem; }
  server { listen 127.0.0.1:PORT2 ssl; }
  server { listen PORT2 ssl; }
  server { listen 127.0.0.1:PORT3 ssl proxy_protocol; }
}
`,
      },
      ['tls', 'tls', null],
    )
    const paths = { cert_path: `${web.dir}/tls/cert.pem`, key_path: `${web.dir}/tls/key.pem` }
    const elsewhere = { cert_path: `${web.dir}/tls/unread.pem`, key_path: `${web.dir}/tls/unread.pem` }

    const outcome = await web.deploy(next, paths)
    const astray = await web.deploy(next, elsewhere)

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(
      outcome.probes.map(({ address, ok, seen }) => [address, ok, seen]),
      [`127.0.0.1:${web.ports[0]}`, `127.0.0.1:${web.ports[0]}`, `[::1]:${web.ports[0]}`, `[::1]:${web.ports[0]}`]
        .concat([`127.0.0.1:${web.ports[1]}`, `127.0.0.2:${web.ports[1]}`, `127.0.0.1:${web.ports[2]}`])
        .map((address) => [address, true, next.sha256]),
    )
    t.match(astray.warnings.join(' '), /No TLS listener of nginx reads \S+unread\.pem/)
    t.match(astray, { probes: [] })
  },
)

t.test(
  'nginx that refuses its own configuration is broken, and says why',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const web = await startWiredWeb(t, program, { ...pems, 'nginx.conf': `${around}http {\n  ${http}\n}\n` }, [])
    await writeText(`${web.dir}/nginx.conf`, `${around.replaceAll('DIR', web.dir)}http { ssl_certificat x; }\n`)

    t.match(await web.readWiring(), { unwired: 'broken', said: /unknown directive "ssl_certificat"/ })
    await writeText(`${web.dir}/nginx.conf`, around.replaceAll('DIR', web.dir))
  },
)

t.test(
  'what the check of nginx warns of, and takes all the same, is a warning of the outcome',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const chained = await authority.intermediate()
    const settings = `${http} ssl_stapling on; resolver 127.0.0.1; ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;`
    const web = await startWiredWeb(
      t,
      program,
      { ...pems, 'nginx.conf': `${around}http {\n${settings}\nserver { listen 127.0.0.1:PORT1 ssl; }\n}\n` },
      ['tls'],
    )
    const pair = await chained.issue({ names: ['www.example.net'] })

    const outcome = await web.deploy(pair, { cert_path: `${web.dir}/tls/cert.pem`, key_path: `${web.dir}/tls/key.pem` })

    t.match(outcome, { outcome: 'deployed', code: null })
    t.match(outcome.warnings.join(' '), /nginx takes the new files and warns/)
    t.match(outcome.printed, [/"ssl_stapling" ignored.*cert\.pem/])
  },
)

t.test(
  'nginx that may not bind its port or write its log here is not broken: the unit is named',
  { skip: unlessInstalled('nginx', 'setpriv', 'unshare') },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-denied-')
    t.teardown(() => removeWhenQuiet(dir))
    const text = `pid DIR/nginx.pid;\nevents {}\nhttp { access_log DIR/logs/access.log; server { listen 127.0.0.1:1; } }\n`
    await makeFolder(`${dir}/logs`)
    await writeText(`${dir}/nginx.conf`, text.replaceAll('DIR', dir))
    const low = ['setpriv', '--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service'] as const
    const readOnly = [
      'unshare',
      '-m',
      'sh',
      '-c',
      `mount --bind -r ${dir}/logs ${dir}/logs && exec "$@"`,
      'sh',
    ] as const
    const host = createHostView(30_000, () => '/nowhere')

    t.match(await readNginxWiring(host, [...low, ...commandOf(dir)]), {
      unwired: 'denied',
      reason: /may not bind to 127\.0\.0\.1:1.*CAP_NET_BIND_SERVICE/s,
    })
    t.match(await readNginxWiring(host, [...readOnly, ...commandOf(dir)]), {
      unwired: 'denied',
      reason: /access\.log is read-only.*ReadWritePaths=\S+\/logs$/s,
    })
  },
)

/** Debian has them in packages of their own. */
function unlessModules(...names: readonly string[]): string | false {
  const missing = names.filter((name) => !existsSync(`${modules}/ngx_${name}_module.so`))
  return missing.length === 0 ? false : `nginx has no module ${missing.join(', ')}`
}

function runQuit(dir: string): Promise<void> {
  return runOrThrow([...commandOf(dir), '-s', 'quit'])
}
