import { link, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { HostView } from '../../../src/connector/host-view.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { isUnwired, type Wiring } from '../../../src/connector/wiring/wiring.ts'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { leavesOf } from '../../support/deployment.ts'
import { bundleOf, seenBy, startWired } from './wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const [first, second, third] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names }),
  authority.issue({ names }),
])
const options = { skip: unlessInstalled('postfix') }

t.test(
  'a pair that the settings name through a link, `..` or `//` is the pair that is deployed',
  options,
  async (t) => {
    for (const written of ['ssl', 'etc/../ssl//../tls/.']) {
      const { dir, daemon, deploy } = await startWired(t, 'postfix', first, (folder) => ({
        main: `smtpd_tls_cert_file = ${folder}/${written}/cert.pem\nsmtpd_tls_key_file = ${folder}/${written}/key.pem\n`,
        links: { ssl: 'tls' },
      }))

      const outcome = await deploy(second, { cert_path: `${dir}/tls/cert.pem`, key_path: `${dir}/tls/key.pem` })

      t.match(outcome, { outcome: 'deployed', code: null, warnings: [] }, written)
      t.equal(outcome.probes.length, daemon.ports.length, written)
      t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]), written)
    }
  },
)

t.test('an SNI table that names the pair through a link is rebuilt', options, async (t) => {
  const { dir, daemon, deploy } = await startWired(t, 'postfix', first, (folder) => ({
    main: `smtpd_tls_chain_files = ${folder}/pair.pem\ntls_server_sni_maps = hash:${folder}/sni\n`,
    links: { ssl: '.' },
    files: { 'pair.pem': bundleOf(first), sni: `mail.example.net ${folder}/ssl/pair.pem\n` },
    map: 'sni',
  }))

  const outcome = await deploy(second, { cert_path: `${dir}/pair.pem`, key_path: `${dir}/pair.pem` })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  for (const { port, protocol } of daemon.ports)
    for (const name of ['mail.example.net', null])
      t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, name), second.sha256, `${port} ${name}`)
})

t.test(
  'a listener that reads another hard link of the file stays with the old one, and that is said',
  options,
  async (t) => {
    const { dir, daemon, deploy } = await startWired(t, 'postfix', first)
    await link(daemon.certPath, join(dir, 'other.pem'))
    await link(daemon.keyPath, join(dir, 'other.key'))

    const outcome = await deploy(second, { cert_path: join(dir, 'other.pem'), key_path: join(dir, 'other.key') })

    t.ok(outcome.warnings.some((warning) => warning.startsWith(`${daemon.certPath} is read, another name of the file`)))
    t.ok(outcome.warnings.some((warning) => warning.startsWith('No TLS listener of postfix reads')))
  },
)

t.test('addresses in brackets are addresses: both loopbacks are proven', options, async (t) => {
  const { daemon, deploy } = await startWired(t, 'postfix', first, () => ({
    main: 'inet_interfaces = 127.0.0.1, [::1]\ninet_protocols = all\n',
  }))

  const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  t.same(
    outcome.probes.map(({ address }) => address),
    daemon.ports.flatMap(({ port }) => [`127.0.0.1:${port}`, `[::1]:${port}`]),
  )
})

t.test(
  'a word that smtpd takes is read as smtpd takes it; a service that it refuses is doubted',
  options,
  async (t) => {
    const words = [
      ['smtpd_tls_security_level=May', 'smtp'],
      ['smtpd_tls_security_level=verify', 'smtp'],
      ['smtpd_tls_security_level=SECURE', 'smtp'],
      ['smtpd_tls_security_level=fingerprint', 'smtp'],
      ['smtpd_tls_security_level= -o smtpd_use_tls=Yes', 'smtp'],
      ['smtpd_tls_security_level= -o smtpd_enforce_tls=yes', 'smtp'],
      ['smtpd_tls_security_level= -o smtpd_tls_wrappermode=YES', 'tls'],
      ['smtpd_tls_security_level=none -o smtpd_tls_wrappermode=yes', 'tls'],
      ['smtpd_tls_security_level=None -o smtpd_use_tls=yes', null],
      ['smtpd_tls_security_level=may -o smtpd_discard_ehlo_keywords=StartTLS', null],
      ['smtpd_tls_security_level=dane', 'refused'],
      ['smtpd_tls_wrappermode=on', 'refused'],
    ] as const
    const ports = await freePorts(words.length)
    const lines = words.map(([option], index) => `127.0.0.1:${ports[index]} inet n - n - - smtpd\n  -o ${option}\n`)
    const { readWiring } = await startWired(t, 'postfix', first, () => ({ master: lines.join('') }))

    const { listeners } = await readWiring()

    for (const [index, [option, expected]] of words.entries()) {
      const port = ports[index] ?? 0
      const listener = listeners.find((one) => one.port === port)
      const told = listener?.doubt === undefined ? (listener?.protocol ?? null) : 'refused'
      t.equal(told, expected, option)
      // A service that dies at its start answers nobody: there is nothing to wait for.
      if (expected === 'refused') continue
      const seen = await seenBy({ host: '127.0.0.1', port, protocol: expected ?? 'smtp' }, null)
      t.equal(seen, expected === null ? null : first.sha256, `${option}, as openssl sees it`)
    }
  },
)

t.test('who hands clients on serves the pair of whom it hands them to', options, async (t) => {
  const [handing = 0, keeping = 0] = await freePorts(2)
  const { dir, readWiring, deploy } = await startWired(t, 'postfix', first, (folder) => ({
    main: `postscreen_cache_map =\npostscreen_greet_wait = 1s\nmynetworks = 127.0.0.0/8\ntlsproxy_tls_chain_files = ${folder}/kept.pem\n`,
    master: `127.0.0.1:${handing} inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
  -o smtpd_tls_chain_files=${folder}/passed.pem
127.0.0.1:${keeping} inet n - n - 1 postscreen
  -o postscreen_access_list= -o postscreen_bare_newline_enable=yes
tlsproxy unix - - n - 0 tlsproxy
dnsblog unix - - n - 0 dnsblog
`,
    files: { 'passed.pem': bundleOf(second), 'kept.pem': bundleOf(third) },
  }))

  const wiring = await readWiring()

  t.same(filesAt(wiring, handing), [[`${dir}/passed.pem`]])
  t.equal(await seenBy({ host: '127.0.0.1', port: handing, protocol: 'smtp' }, null), second.sha256)
  t.same(filesAt(wiring, keeping), [[`${dir}/passed.pem`], [`${dir}/kept.pem`]])
  t.ok(
    wiring.listeners.filter(({ port }) => port === keeping).every(({ doubt }) => doubt?.includes('postscreen keeps')),
  )
  t.equal(await seenBy({ host: '127.0.0.1', port: keeping, protocol: 'smtp' }, null), third.sha256)

  const next = await authority.issue({ names })
  const outcome = await deploy(next, {
    cert_path: `${dir}/passed.pem`,
    key_path: `${dir}/passed.pem`,
    endpoints: [{ endpoint: `127.0.0.1:${handing}`, protocol: 'smtp' }],
  })
  t.match(outcome, { outcome: 'deployed', warnings: [] })
})

t.test(
  'a listener that wants the PROXY header says so; one that hides STARTTLS from here is doubted',
  options,
  async (t) => {
    const [wanting = 0, hiding = 0, other = 0, screened = 0] = await freePorts(4)
    const { readWiring } = await startWired(t, 'postfix', first, (folder) => ({
      master: `127.0.0.1:${wanting} inet n - n - - smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:${hiding} inet n - n - - smtpd
  -o smtpd_discard_ehlo_keyword_address_maps=cidr:${folder}/hide
127.0.0.1:${other} inet n - n - - smtpd
  -o {smtpd_discard_ehlo_keyword_address_maps=inline:{{192.0.2.1 = starttls} {127.0.0.1 = dsn}}}
127.0.0.1:${screened} inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_protocol=haproxy -o postscreen_cache_map=
smtpd pass - - n - - smtpd
`,
      files: { hide: '127.0.0.0/8 silent-discard, STARTTLS\n' },
    }))

    const { listeners } = await readWiring()

    const at = (port: number) => listeners.find((one) => one.port === port)
    t.match(at(wanting), { proxy: 1 })
    t.match(at(screened), { proxy: 1 })
    t.match(at(hiding)?.doubt, /^STARTTLS is not offered to 127\.0\.0\.1/)
    t.equal(await seenBy({ host: '127.0.0.1', port: hiding, protocol: 'smtp' }, null), null)
    t.equal(at(other)?.doubt, undefined)
    t.equal(await seenBy({ host: '127.0.0.1', port: other, protocol: 'smtp' }, null), first.sha256)
  },
)

t.test(
  'a deployment proves what wants the PROXY header, and names what hides STARTTLS from this host',
  options,
  async (t) => {
    const [wanting = 0, hiding = 0] = await freePorts(2)
    const { daemon, deploy } = await startWired(t, 'postfix', first, () => ({
      master: `127.0.0.1:${wanting} inet n - n - - smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:${hiding} inet n - n - - smtpd
  -o {smtpd_discard_ehlo_keyword_address_maps=inline:{{127.0.0.1 = starttls}}}
`,
    }))

    const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

    t.match(outcome, { outcome: 'deployed', code: null })
    const seenAt = (port: number) => outcome.probes.find(({ address }) => address === `127.0.0.1:${port}`)?.seen
    t.equal(seenAt(wanting), second.sha256)
    t.equal(seenAt(hiding), null)
    t.ok(outcome.warnings.some((warning) => warning.startsWith('STARTTLS is not offered to 127.0.0.1')))
  },
)

t.test('what tables hold is told where it can be, and doubted where it cannot', options, async (t) => {
  const org = await authority.issue({ names: ['mail.example.org'] })
  const { dir, readWiring, deploy } = await startWired(t, 'postfix', first, (folder) => ({
    main: `tls_server_sni_maps = inline:{mail.example.org=${folder}/org.pem}, regexp:${folder}/re, hash:${folder}/gone\n`,
    files: { 'org.pem': bundleOf(org), 're.pem': bundleOf(second), re: `/^re\\.example/ ${folder}/re.pem\n` },
  }))

  const wiring = await readWiring()

  t.ok(wiring.listeners.some(({ servername }) => servername === 'mail.example.org'))
  t.ok(wiring.named.includes(`${dir}/re.pem`))
  t.match(wiring.doubts, [/hash:.*gone cannot be told/])
  const outcome = await deploy(second, { cert_path: `${dir}/elsewhere.pem`, key_path: `${dir}/elsewhere.key` })
  t.match(outcome.warnings, [new RegExp(`cannot be told whether postfix reads ${dir}/elsewhere\\.pem`)])
})

t.test('the instances beside the first one are read with it', options, async (t) => {
  const out = await startWired(t, 'postfix', second, () => ({ main: 'multi_instance_enable = yes\n' }))
  for (const wrapper of ['', '/usr/sbin/postmulti -p --']) {
    const { dir, config, daemon } = await startWired(t, 'postfix', first, () => ({
      main: `multi_instance_directories = ${out.config}\nmulti_instance_wrapper = ${wrapper}\nmulti_instance_enable = yes\n`,
    }))

    const wiring = await readPostfixWiring(asFirst(config), null)

    if (isUnwired(wiring)) throw new Error(wiring.reason)
    const [own = [], others = []] = [dir, out.dir].map((folder) =>
      wiring.listeners.filter(({ files }) => files.some(({ path }) => path.startsWith(folder))),
    )
    t.same(
      [own, others].map((some) => some.map(({ port }) => port)),
      [daemon, out.daemon].map(({ ports }) => ports.map(({ port }) => port)),
    )
    t.ok(own.every(({ doubt }) => doubt === undefined))
    t.ok(others.every(({ doubt }) => (doubt === undefined) === (wrapper !== '')))
  }
})

t.test('a relative path is one below the queue', options, async (t) => {
  const [chained = 0] = await freePorts(1)
  const { dir, daemon, readWiring } = await startWired(t, 'postfix', first, () => ({
    main: 'smtpd_tls_cert_file = pair.pem\nsmtpd_tls_key_file = pair.pem\n',
    master: `127.0.0.1:${chained} inet n - n - - smtpd\n  -o smtpd_tls_chain_files=tls/chain.pem\n`,
    files: {
      'queue/pair.pem': bundleOf(second),
      'queue/tls/chain.pem': bundleOf(third),
      'etc/pair.pem': bundleOf(first),
    },
  }))

  const wiring = await readWiring()

  for (const { port, protocol } of daemon.ports) {
    t.same(filesAt(wiring, port), [[`${dir}/queue/pair.pem`]])
    t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, null), second.sha256)
  }
  t.same(filesAt(wiring, chained), [[`${dir}/queue/tls/chain.pem`]])
  t.equal(await seenBy({ host: '127.0.0.1', port: chained, protocol: 'smtp' }, null), third.sha256)
})

t.test('services that are switched off in main.cf are no listeners', options, async (t) => {
  const ports = await freePorts(3)
  const [named = 0, dotted = 0, kept = 0] = ports
  const disabled = `!127.0.0.1:${kept}/inet, 127.0.0.1:${named}/INET 127.0.0.1:${dotted}.inet 127.0.0.1:${kept}/inet`
  const { readWiring } = await startWired(t, 'postfix', first, () => ({
    main: `master_service_disable = ${disabled}\n`,
    master: ports.map((port) => `127.0.0.1:${port} inet n - n - - smtpd\n`).join(''),
  }))

  const { listeners } = await readWiring()

  for (const port of ports) {
    const isRead = listeners.some((listener) => listener.port === port)
    t.equal(await seenBy({ host: '127.0.0.1', port, protocol: 'smtp' }, null), isRead ? first.sha256 : null)
  }
  t.same(
    listeners.map(({ port }) => port).filter((port) => ports.includes(port)),
    [kept],
  )
})

t.test('settings that Postfix refuses are broken, not missing', options, async (t) => {
  const { config } = await startWired(t, 'postfix', first)
  const host = createHostView(30_000, () => '/nowhere')
  const [main = '', master = ''] = await Promise.all(
    ['main.cf', 'master.cf'].map((file) => readFile(join(config, file), 'utf8')),
  )

  for (const [file, text] of [
    ['main.cf', `${main}a line without an equals sign\n`],
    ['main.cf', `${main}smtpd_tls_eccert_file = \${nosuch\n`],
    ['master.cf', `${master}smtp inet n\n`],
  ] as const) {
    await writeFile(join(config, 'main.cf'), main)
    await writeFile(join(config, 'master.cf'), master)
    await writeFile(join(config, file), text)
    t.match(await readPostfixWiring(host, config), { unwired: 'broken', said: /fatal/ }, text.slice(-40))
  }
  await writeFile(join(config, 'main.cf'), main)
  await writeFile(join(config, 'master.cf'), master)
})

function filesAt({ listeners }: Wiring, port: number): readonly (readonly string[])[] {
  return listeners.filter((one) => one.port === port).map(({ files }) => files.map(({ path }) => path))
}

/** A host whose first instance has this folder. */
function asFirst(folder: string): HostView {
  const host = createHostView(30_000, () => '/nowhere')
  return {
    ...host,
    run: ([program, ...args]) => host.run(args[0] === '-c' ? [program, ...args] : [program, '-c', folder, ...args]),
  }
}
