import t from 'tap'
import { haproxyOf } from '../../../src/connector/haproxy/haproxy.ts'
import { writeText } from '../../../src/host/file/plain-files.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, compareWithServed, seenBy } from './wired-host.ts'
import { endProcess, linesOf, startWiredWeb, told, type WebProgram } from './wired-web.ts'

const authority = await makeAuthority()
const [first, next, ec, rsa, wild, listed, fewer, exact, exactNext] = await Promise.all([
  authority.issue({ names: ['www.example.net', 'old.example.net'] }),
  authority.issue({ names: ['www.example.net', 'new.example.net'] }),
  authority.issue({ names: ['shop.test'] }),
  authority.issue({ names: ['shop.test'], keyType: 'rsa' }),
  authority.issue({ names: ['*.example.org', 'example.org'] }),
  authority.issue({ names: ['not-asked.test'] }),
  authority.issue({ names: ['fewer.example.net'] }),
  authority.issue({ names: ['www.example.org'], keyType: 'rsa' }),
  authority.issue({ names: ['www.example.org'], keyType: 'rsa' }),
])
const pems = {
  'site.pem': bundleOf(first),
  'shop.pem.ecdsa': bundleOf(ec),
  'shop.pem.rsa': bundleOf(rsa),
  'folder/b.pem': bundleOf(first),
  'folder/a.pem': wild.certificatePem + wild.chainPem,
  'folder/a.pem.key': wild.keyPem,
  'folder/.hidden.pem': bundleOf(listed),
  'listed.pem': bundleOf(listed),
  'exact.pem': bundleOf(exact),
  'wild.pem': bundleOf(wild),
}

const program: WebProgram = {
  connectorOf: (dir) => haproxyOf([`${dir}/haproxy.cfg`, `${dir}/conf.d`]),
  start: (dir) => [
    [
      'haproxy',
      '-W',
      '-D',
      '-f',
      `${dir}/haproxy.cfg`,
      '-f',
      `${dir}/conf.d`,
      '-S',
      `${dir}/m.sock`,
      '-p',
      `${dir}/pid`,
    ],
  ],
  stop: (dir) => endProcess(`${dir}/pid`),
  commands: (dir) => [
    ['haproxy', '-c', '-f', `${dir}/haproxy.cfg`, '-f', `${dir}/conf.d`],
    ['waxseal:haproxy-reload', `${dir}/m.sock`],
  ],
}

const around = `global
  crt-base DIR
  setenv WAXSEAL_HERE DIR
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
`

t.test(
  'HAProxy: the wiring names the files whose leaf is served, by the names of certificates and lists',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend "web"
  bind 127.0.0.1:PORT1,:::PORT2 v4v6 ssl crt site.pem crt shop.pem alpn h2,http/1.1 # crt none.pem
  bind 127.0.0.1:PORT3 ssl crt 'DIR/folder'/ strict-sni
  http-request deny if { path_beg \\# "a # b" }
frontend plain
  bind 127.0.0.1:PORT6
  bind 127.0.0.1:PORT5
`,
        'conf.d/10.cfg': `listen mail
  mode tcp
  bind ipv4@127.0.0.1:PORT4 ssl crt-list DIR/list.txt
  bind :PORT5 ssl crt site.pem accept-proxy
  server one 127.0.0.1:1 ssl verify none crt site.pem
`,
        'conf.d/readme': 'nonsense\n',
        'list.txt': '# names\nsite.pem\nlisted.pem [alpn h2 ssl-min-ver TLSv1.2] *.list.test only.test !no.list.test\n',
      },
      ['tls', 'tls', null, 'tls', null, null],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed({
      ...wiring,
      listeners: wiring.listeners.filter(({ proxy }) => proxy === undefined),
    })

    const shop = 'b:shop.pem.ecdsa b:shop.pem.rsa'
    const site = ['- b:site.pem', 'www.example.net b:site.pem', 'old.example.net b:site.pem']
    t.same(linesOf(wiring, web), [
      ...[...site, `shop.test ${shop}`].map((rest) => `127.0.0.1 PORT1 tls ${rest}`),
      ...[...site, `shop.test ${shop}`].map((rest) => `127.0.0.1 PORT2 tls ${rest}`),
      ...[...site, `shop.test ${shop}`].map((rest) => `::1 PORT2 tls ${rest}`),
      '127.0.0.1 PORT3 tls *.example.org c:folder/a.pem k:folder/a.pem.key',
      '127.0.0.1 PORT3 tls example.org c:folder/a.pem k:folder/a.pem.key',
      '127.0.0.1 PORT3 tls www.example.net b:folder/b.pem',
      '127.0.0.1 PORT3 tls old.example.net b:folder/b.pem',
      ...site.map((rest) => `127.0.0.1 PORT4 tls ${rest}`),
      '127.0.0.1 PORT4 tls *.list.test b:listed.pem',
      '127.0.0.1 PORT4 tls only.test b:listed.pem',
      '127.0.0.1 PORT4 tls no.list.test b:site.pem',
      ...site.map((rest) => `127.0.0.2 PORT5 tls proxy1 ${rest}`),
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.equal(compared.length, 25)
    t.same(wiring.doubts, [])
    t.equal(await seenBy({ host: '127.0.0.1', port: web.ports[2] ?? 0, protocol: 'tls' }, 'not-asked.test'), null)
  },
)

t.test(
  'HAProxy: what only it knows is told as that, and then no path is called unread',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend web
  bind 127.0.0.1:PORT1 ssl crt site.pem
  bind 127.0.0.1:PORT2 ssl crt "\${WAXSEAL_HERE}/site.pem"
.if defined(WAXSEAL_NOWHERE)
  bind 127.0.0.1:PORT3 ssl crt listed.pem
.endif
`,
        'conf.d/none.cfg': '\n',
      },
      ['tls', null, null],
    )

    const wiring = told(await web.readWiring())

    t.same(linesOf(wiring, web)[0], '127.0.0.1 PORT1 tls - b:site.pem')
    t.equal(wiring.listeners.length, 3)
    t.match(wiring.doubts, [/by its environment/, /between \.if and \.endif/])
    t.ok(wiring.named.includes(`${web.dir}/listed.pem`))
  },
)

t.test(
  'HAProxy: a target without endpoints is proven on every listener that reads its file, by names of the old leaf and the new',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend web
  bind 127.0.0.1:PORT1 ssl crt listed.pem crt site.pem
  bind :PORT2 ssl crt site.pem
  bind :PORT3 ssl crt site.pem strict-sni accept-proxy
`,
        'conf.d/none.cfg': '\n',
      },
      ['tls', 'tls', null],
    )
    const target = { pem_path: `${web.dir}/site.pem`, master_socket: `${web.dir}/m.sock` }

    const outcome = await web.deploy(next, target)
    const other = await web.deploy(fewer, target)
    const astray = await web.deploy(next, { ...target, pem_path: `${web.dir}/elsewhere.pem` })

    const [named, whole, behind] = web.ports.map((port) => `127.0.0.1:${port}`)
    t.match(outcome, { outcome: 'deployed', code: null })
    t.same(
      outcome.probes.map(({ address, servername, ok, seen }) => [address, servername, ok, seen]),
      [
        [named, 'www.example.net', true, next.sha256],
        [whole, null, true, next.sha256],
        [whole, 'www.example.net', true, next.sha256],
        [behind, 'www.example.net', true, next.sha256],
      ],
    )
    t.match(other, { outcome: 'deployed', code: null })
    t.match(
      other.probes.map(({ address, servername }) => [address, servername]),
      [
        [named, 'fewer.example.net'],
        [whole, null],
        [whole, 'fewer.example.net'],
        [behind, 'fewer.example.net'],
      ],
    )
    t.match(astray.warnings.join(' '), /No TLS listener of haproxy reads \S+elsewhere\.pem/)
  },
)

t.test(
  'HAProxy: clients of a name get the pair of their key type, of the name or the wildcard above it, as filters let in',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend web
  bind 127.0.0.1:PORT1 ssl crt listed.pem crt exact.pem crt wild.pem
  bind 127.0.0.1:PORT2 ssl crt listed.pem crt exact.pem crt-list DIR/list.txt
  bind 127.0.0.1:PORT3 ssl crt wild.pem crt-list DIR/negative.txt
  bind 127.0.0.1:PORT4 ssl crt-list DIR/negative.txt crt wild.pem
`,
        'conf.d/none.cfg': '\n',
        'list.txt': 'wild.pem *.example.org !www.example.org !ftp.example.org\n',
        'negative.txt': 'listed.pem !other.test\n',
      },
      ['tls', 'tls', 'tls', 'tls'],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed(wiring)
    const outcome = await web.deploy(exactNext, {
      pem_path: `${web.dir}/exact.pem`,
      master_socket: `${web.dir}/m.sock`,
    })

    t.same(linesOf(wiring, web), [
      '127.0.0.1 PORT1 tls - b:listed.pem',
      '127.0.0.1 PORT1 tls not-asked.test b:listed.pem',
      '127.0.0.1 PORT1 tls www.example.org b:exact.pem b:wild.pem',
      '127.0.0.1 PORT1 tls *.example.org b:wild.pem',
      '127.0.0.1 PORT1 tls example.org b:wild.pem',
      '127.0.0.1 PORT2 tls - b:listed.pem',
      '127.0.0.1 PORT2 tls not-asked.test b:listed.pem',
      '127.0.0.1 PORT2 tls www.example.org b:exact.pem',
      '127.0.0.1 PORT2 tls *.example.org b:wild.pem',
      '127.0.0.1 PORT2 tls ftp.example.org b:listed.pem',
      '127.0.0.1 PORT3 tls - b:wild.pem',
      '127.0.0.1 PORT3 tls *.example.org b:wild.pem',
      '127.0.0.1 PORT3 tls example.org b:wild.pem',
      '127.0.0.1 PORT3 tls other.test b:wild.pem',
      '127.0.0.1 PORT4 tls - b:listed.pem',
      '127.0.0.1 PORT4 tls *.example.org b:wild.pem',
      '127.0.0.1 PORT4 tls example.org b:wild.pem',
      '127.0.0.1 PORT4 tls other.test b:listed.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.equal(compared.length, 19)
    t.equal(
      await seenBy({ host: '127.0.0.1', port: web.ports[2] ?? 0, protocol: 'tls' }, 'not-asked.test'),
      wild.sha256,
    )
    t.match(outcome, { outcome: 'deployed', code: null })
    t.same(
      outcome.probes.map(({ servername, seen }) => [servername, seen]),
      [
        ['www.example.org', exactNext.sha256],
        ['www.example.org', exactNext.sha256],
      ],
    )
  },
)

t.test(
  'HAProxy: each file of a folder is loaded, and IPv4 is answered by who listens on IPv4 alone',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend web
  bind 127.0.0.1:PORT1 ssl crt DIR/both
frontend six
  bind [::]:PORT2 ssl crt wild.pem
frontend four
  bind *:PORT2 ssl crt listed.pem
frontend off
  disabled
  bind 127.0.0.1:PORT2 ssl crt site.pem
`,
        'conf.d/none.cfg': '\n',
        'both/shop.pem': bundleOf(listed),
        'both/shop.pem.rsa': bundleOf(rsa),
        'both/sub/x.pem': bundleOf(first),
      },
      ['tls', 'tls'],
    )

    const wiring = told(await web.readWiring())
    const compared = await compareWithServed(wiring)

    t.same(linesOf(wiring, web), [
      '127.0.0.1 PORT1 tls - b:both/shop.pem',
      '127.0.0.1 PORT1 tls not-asked.test b:both/shop.pem',
      '127.0.0.1 PORT1 tls shop.test b:both/shop.pem.rsa',
      '::1 PORT2 tls - b:wild.pem',
      '::1 PORT2 tls *.example.org b:wild.pem',
      '::1 PORT2 tls example.org b:wild.pem',
      '127.0.0.1 PORT2 tls - b:listed.pem',
      '127.0.0.1 PORT2 tls not-asked.test b:listed.pem',
    ])
    t.same(
      compared.map(({ served }) => served),
      compared.map(({ read }) => read),
    )
    t.same(wiring.doubts, [])
  },
)

t.test(
  'HAProxy that refuses its own configuration is broken, and says why',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const web = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'haproxy.cfg': `${around}frontend web\n  bind 127.0.0.1:PORT1 ssl crt site.pem\n`,
        'conf.d/none.cfg': '\n',
      },
      ['tls'],
    )
    await writeText(`${web.dir}/conf.d/none.cfg`, 'nonsense\n')

    t.match(await web.readWiring(), { unwired: 'broken', said: /unknown keyword 'nonsense'/ })
  },
)
