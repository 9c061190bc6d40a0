import t from 'tap'
import { apacheOf } from '../../../src/connector/apache/apache.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { writeText } from '../../../src/host/file/plain-files.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, compareWithServed } from './wired-host.ts'
import { linesOf, startWiredWeb, told, type WebProgram } from './wired-web.ts'

const authority = await (await makeAuthority()).intermediate()
const [first, next, ec, rsa, wild] = await Promise.all([
  authority.issue({ names: ['www.example.net'] }),
  authority.issue({ names: ['www.example.net'] }),
  authority.issue({ names: ['shop.test'] }),
  authority.issue({ names: ['shop.test'], keyType: 'rsa' }),
  authority.issue({ names: ['*.example.org', 'example.org'] }),
])
const pems = {
  'tls/cert.pem': first.certificatePem,
  'tls/chain.pem': first.chainPem,
  'tls/key.pem': first.keyPem,
  'tls/ec.pem': bundleOf(ec),
  'tls/rsa.pem': bundleOf(rsa),
  'tls/wild.pem': bundleOf(wild),
}

const commandOf = (dir: string): Command => ['apache2', '-f', `${dir}/httpd.conf`]
const checkOf = (dir: string): Command => [...commandOf(dir), '-t']
const reloadOf = (dir: string): Command => [...commandOf(dir), '-k', 'graceful']
const program: WebProgram = {
  connectorOf: (dir) => apacheOf({ program: commandOf(dir), check: checkOf(dir), reload: reloadOf(dir) }),
  start: (dir) => [[...commandOf(dir), '-k', 'start']],
  stop: (dir) => runOrThrow([...commandOf(dir), '-k', 'stop']),
  commands: (dir) => [checkOf(dir), reloadOf(dir)],
}

const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'macro', 'remoteip']
const around = `ServerRoot DIR
ServerName localhost
PidFile DIR/apache.pid
DefaultRuntimeDir DIR
Mutex file:DIR default
ErrorLog DIR/error.log
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
`
const pair = 'SSLCertificateFile tls/cert.pem\n  SSLCertificateKeyFile DIR/tls/key.pem'

t.test(
  'Apache: the wiring names the files whose leaf is served, by virtual host, address, and key type',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'sites/10-first.conf': `<IfModule mod_ssl.c>
<VirtualHost _default_:PORT1>
  ServerName www.example.net:443
  SSLEngine on
  ${pair}
  SSLCertificateChainFile tls/chain.pem
  <Directory "DIR">
    SSLOptions +StdEnvVars
  </Directory>
</VirtualHost>
</IfModule>`,
        'sites/20-shop.conf': `Define tls "DIR/tls"
<VirtualHost *:PORT1>
  ServerName Shop.Test
  ServerAlias www.shop.test \\
    *.shop.test mail.*
  SSLEngine On
  SSLCertificateFile "\${tls}/ec.pem"
  SSLCertificateFile '\${tls}/rsa.pem'
</VirtualHost>
<VirtualHost *:PORT1>
  ServerName late.shop.test
  SSLEngine on
  ${pair}
</VirtualHost>
<Macro Site $name $port>
  <VirtualHost *:$port>
    ServerName $name
    ServerAlias *.$name
    SSLEngine on
    SSLCertificateFile tls/wild.pem
  </VirtualHost>
</Macro>
Use Site example.org PORT1
<VirtualHost 127.0.0.1:PORT2>
  SSLEngine on
  SSLCertificateFile tls/wild.pem
</VirtualHost>
<IfDefine NOWHERE>
  Listen 1
</IfDefine>
<VirtualHost *:PORT4>
  RemoteIPProxyProtocol On
  ${pair}
</VirtualHost>
<VirtualHost 127.0.0.1:PORT5>
  SSLEngine off
</VirtualHost>
<VirtualHost *:PORT5>
  SSLEngine on
  ${pair}
</VirtualHost>
<VirtualHost *:PORT7>
  ServerAlias *
  SSLEngine on
  SSLCertificateFile tls/wild.pem
</VirtualHost>
<VirtualHost *:PORT7>
  ServerName never.test
  ServerAlias never.test:443
  SSLEngine on
  ${pair}
</VirtualHost>
<VirtualHost *:PORT6>
  ServerName plain.test
</VirtualHost>
`,
        'httpd.conf': `${around}Listen PORT1
Listen 0.0.0.0:PORT2
Listen [::]:PORT3
Listen 127.0.0.1:PORT4 https
Listen PORT5
Listen 127.0.0.1:PORT6
Listen 127.0.0.1:PORT7
IncludeOptional sites/*.conf
<VirtualHost *>
  SSLEngine on
  ${pair}
</VirtualHost>
`,
      },
      ['tls', 'tls', 'tls', null, null, null, 'tls'],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed({
      ...wiring,
      listeners: wiring.listeners.filter(({ proxy }) => proxy === undefined),
    })

    const site = 'c:tls/cert.pem k:tls/key.pem'
    const shop = 'b:tls/ec.pem b:tls/rsa.pem'
    const names = [
      `- ${site}`,
      `www.example.net ${site}`,
      `shop.test ${shop}`,
      `www.shop.test ${shop}`,
      `*.shop.test ${shop}`,
      `late.shop.test ${shop}`,
      'example.org b:tls/wild.pem',
      '*.example.org b:tls/wild.pem',
    ]
    t.same(linesOf(wiring, web), [
      ...names.map((name) => `127.0.0.1 PORT1 tls ${name}`),
      ...names.map((name) => `::1 PORT1 tls ${name}`),
      '127.0.0.1 PORT2 tls - b:tls/wild.pem',
      `127.0.0.2 PORT2 tls - ${site}`,
      `127.0.0.1 PORT3 tls - ${site}`,
      `::1 PORT3 tls - ${site}`,
      `127.0.0.1 PORT4 tls proxy1 - ${site}`,
      `127.0.0.2 PORT5 tls - ${site}`,
      `::1 PORT5 tls - ${site}`,
      '127.0.0.1 PORT7 tls - b:tls/wild.pem',
      '127.0.0.1 PORT7 tls never.test b:tls/wild.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.equal(compared.length, 32)
    t.same(wiring.doubts, [])
    t.ok(wiring.named.includes(`${web.dir}/tls/chain.pem`))
  },
)

t.test(
  'Apache: localhost in a virtual host is 127.0.0.1, which has it alone',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'httpd.conf': `${around}Listen 0.0.0.0:PORT1
<VirtualHost *:PORT1>
  SSLEngine on
  ${pair}
</VirtualHost>
<VirtualHost localhost:PORT1>
  SSLEngine on
  SSLCertificateFile tls/wild.pem
</VirtualHost>
`,
      },
      ['tls'],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed(wiring)

    t.same(linesOf(wiring, web), [
      '127.0.0.1 PORT1 tls - b:tls/wild.pem',
      '127.0.0.2 PORT1 tls - c:tls/cert.pem k:tls/key.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
  },
)

t.test(
  'Apache: a target without endpoints is proven on every listener that reads its files, its chain file is read, and a pair that none reads is told',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'httpd.conf': `${around}Listen PORT1
Listen 127.0.0.1:PORT2
Listen 127.0.0.1:PORT3
SSLCertificateFile tls/cert.pem
SSLCertificateKeyFile tls/key.pem
SSLCertificateChainFile tls/chain.pem
<VirtualHost *:PORT1>
  ServerName example.org
  SSLEngine on
  SSLCertificateFile tls/wild.pem
  SSLCertificateKeyFile tls/wild.pem
</VirtualHost>
<VirtualHost *:PORT1>
  ServerName www.example.net
  SSLEngine on
</VirtualHost>
<VirtualHost *:PORT2>
  SSLEngine on
</VirtualHost>
<VirtualHost *:PORT3>
  SSLEngine on
  RemoteIPProxyProtocol On
</VirtualHost>
`,
      },
      ['tls', 'tls', null],
    )
    const tls = `${web.dir}/tls`
    const target = { cert_path: `${tls}/cert.pem`, key_path: `${tls}/key.pem`, chain_path: `${tls}/chain.pem` }

    const outcome = await web.deploy(next, target)
    const astray = await web.deploy(next, { cert_path: `${tls}/x.pem`, key_path: `${tls}/x.pem` })

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(
      outcome.probes.map(({ address, servername, ok, seen }) => [address, servername, ok, seen]),
      [
        [`127.0.0.1:${web.ports[0]}`, 'www.example.net', true, next.sha256],
        [`[::1]:${web.ports[0]}`, 'www.example.net', true, next.sha256],
        [`127.0.0.1:${web.ports[1]}`, 'www.example.net', true, next.sha256],
        [`127.0.0.1:${web.ports[2]}`, 'www.example.net', true, next.sha256],
      ],
    )
    t.match(astray.warnings.join(' '), /No TLS listener of apache reads \S+x\.pem/)
  },
)

t.test(
  'Apache that refuses its own configuration is broken, and says why',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const web = await startWiredWeb(t, program, { ...pems, 'httpd.conf': `${around}Listen PORT1\n` }, [null])
    const whole = `${around}Listen ${web.ports[0]}\n`.replaceAll('DIR', web.dir)
    await writeText(`${web.dir}/httpd.conf`, `${whole}SSLCertificatFile x\n`)

    t.match(await web.readWiring(), { unwired: 'broken', said: /Invalid command 'SSLCertificatFile'/ })
    await writeText(`${web.dir}/httpd.conf`, whole)
  },
)
