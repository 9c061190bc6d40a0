import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { installedDovecot } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { leavesOf } from '../../support/deployment.ts'
import { bundleOf, compareWithServed, seenBy, startWired } from './wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const [first, second, org, nextOrg] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names }),
  authority.issue({ names: ['mail.example.org'] }),
  authority.issue({ names: ['mail.example.org'] }),
])
const options = { skip: unlessInstalled('dovecot') }

t.test('paths that are relative to the file they stand in, and lead through links, are read', options, async (t) => {
  const { dir, daemon, deploy } = await startWired(t, 'dovecot', first, (folder) => ({
    main: `ssl_cert = <ssl/cert.pem\nssl_key = <./tls/../ssl/key.pem\n!include ${folder}/conf.d/*.conf\n`,
    links: { ssl: 'tls' },
    files: {
      'conf.d/10-sni.conf': 'local_name mail.example.org {\n  ssl_cert = <../org.pem\n  ssl_key = <../org.pem\n}\n',
      'org.pem': bundleOf(org),
    },
  }))

  const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })
  const sni = await deploy(nextOrg, { cert_path: `${dir}/org.pem`, key_path: `${dir}/org.pem` })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  t.equal(outcome.probes.length, daemon.ports.length)
  t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
  t.match(sni, { outcome: 'deployed', code: null, warnings: [] })
  t.ok(sni.probes.every(({ servername, seen }) => servername === 'mail.example.org' && seen === nextOrg.sha256))
})

t.test(
  'an address in brackets is one, and a port that a reload closes there is open at the end',
  options,
  async (t) => {
    const { daemon, deploy, readWiring } = await startWired(t, 'dovecot', first, () => ({
      main: `listen = 127.0.0.1, [::1]\n${['imap', 'pop3'].map(alwaysThere).join('')}`,
    }))

    const { listeners, warnings = [] } = await readWiring()

    t.same(listeners.map(({ host, port }) => `${host} ${port}`).toSorted(), onBothLoopbacks(daemon.ports).toSorted())
    for (const listener of listeners) t.equal(await seenBy(listener, null), first.sha256)
    t.match(warnings, [/^Dovecot may lose its ports at \[::1\] at a reload/])
    t.equal(warnings.length, 1)

    const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

    t.match(outcome, { outcome: 'deployed', code: null })
    t.equal(outcome.probes.length, listeners.length)
    // Not at each reload.
    t.ok(outcome.warnings.every((warning) => /\[::1\]:.* answered after a second one/.test(warning)))
    for (const listener of listeners) t.equal(await seenBy(listener, null), second.sha256)
  },
)

t.test('both loopbacks are proven', options, async (t) => {
  const { daemon, deploy } = await startWired(t, 'dovecot', first, () => ({ main: 'listen = 127.0.0.1, ::1\n' }))

  const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  t.same(
    outcome.probes.map(({ address }) => address),
    daemon.ports.flatMap(({ port }) => [`127.0.0.1:${port}`, `[::1]:${port}`]),
  )
})

t.test('a listener that wants the PROXY header says so, and whether it would answer this host', options, async (t) => {
  const ports = await freePorts(2)
  for (const [index, trusted] of ['127.0.0.0/8', '192.0.2.0/24'].entries()) {
    const trusting = ports[index] ?? 0
    const { readWiring } = await startWired(t, 'dovecot', first, () => ({
      main: `haproxy_trusted_networks = ${trusted}
service imap-login {
  inet_listener proxied {
    port = ${trusting}
    ssl = YES
    haproxy = yes
  }
}
`,
    }))

    const { listeners } = await readWiring()

    const proxied = listeners.find(({ port }) => port === trusting)
    t.match(proxied, { proxy: 1, protocol: 'tls' })
    t.equal(proxied?.doubt === undefined, trusted === '127.0.0.0/8')
    t.equal(await seenBy({ host: '127.0.0.1', port: trusting, protocol: 'tls' }, null), null, 'without the header')
    t.ok(listeners.filter(({ port }) => port !== trusting).every(({ proxy }) => proxy === undefined))
  }
})

t.test('TLS that is switched off for this host alone is a doubt, and no listener is lost', options, async (t) => {
  const { daemon, config, readWiring } = await startWired(t, 'dovecot', first)
  const settings = await readFile(config, 'utf8')
  await writeFile(config, `${settings}remote 127.0.0.0/8 {\n  ssl = no\n}\n`)
  await runOrThrow(daemon.reload)

  const { listeners } = await readWiring()

  t.same(
    listeners.map(({ port }) => port),
    daemon.ports.map(({ port }) => port),
  )
  t.ok(listeners.every(({ doubt }) => doubt?.startsWith('Clients from 127.0.0.1 get no TLS')))
  for (const { port, protocol } of daemon.ports)
    t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, null), null)
})

t.test(
  'the scope of a setting is what Dovecot makes of it: protocol, network and name, whatever the case',
  options,
  async (t) => {
    const { dir, daemon, readWiring } = await startWired(t, 'dovecot', first, (folder) => ({
      main: `local 127.0.0.0/8 {
  protocol pop3 {
    ssl_cert = <${folder}/net.pem
    ssl_key = <${folder}/net.pem
  }
}
local_name Mail.Example.ORG {
  ssl_cert = <${folder}/org.pem
  ssl_key = <${folder}/org.pem
}
protocol imap {
  ssl = required
}
`,
      files: { 'net.pem': bundleOf(second), 'org.pem': bundleOf(org) },
    }))
    const [imap, , pop3] = daemon.ports

    const { listeners } = await readWiring()

    const at = (port: number | undefined, servername: string | null) =>
      listeners.find((one) => one.port === port && one.servername === servername)?.files[0]?.path
    t.equal(at(imap?.port, null), daemon.certPath)
    t.equal(at(imap?.port, 'mail.example.org'), `${dir}/org.pem`)
    t.equal(at(pop3?.port, null), `${dir}/net.pem`)
    const seen = (port = 0, protocol: 'imap' | 'pop3', servername: string | null) =>
      seenBy({ host: '127.0.0.1', port, protocol }, servername)
    t.equal(await seen(imap?.port, 'imap', null), first.sha256)
    t.equal(await seen(imap?.port, 'imap', 'mail.example.org'), org.sha256)
    t.equal(await seen(pop3?.port, 'pop3', null), second.sha256)
  },
)

t.test(
  'where several `local_name` fit, by a pattern and by the name, the wiring names what Dovecot serves',
  options,
  async (t) => {
    const pairIn = (file: string): string => `{\n  ssl_cert = <${file}\n  ssl_key = <${file}\n}\n`
    const { readWiring } = await startWired(t, 'dovecot', first, (folder) => ({
      main: `local_name *.wide.test ${pairIn(`${folder}/wide.pem`)}
local_name mail.wide.test ${pairIn(`${folder}/exact.pem`)}
local_name mail.narrow.test ${pairIn(`${folder}/exact.pem`)}
local_name *.narrow.test ${pairIn(`${folder}/wide.pem`)}
local_name *.part.test ${pairIn(`${folder}/wide.pem`)}
local_name mail.part.test {
  ssl_min_protocol = TLSv1.2
}
local_name a.b.part.test {
  ssl_min_protocol = TLSv1.2
}
`,
      files: { 'wide.pem': bundleOf(second), 'exact.pem': bundleOf(org) },
    }))

    const wiring = await readWiring()

    t.equal(new Set(wiring.listeners.map(({ servername }) => servername)).size, 8)
    t.ok(wiring.listeners.every(({ doubt }) => doubt === undefined))
    for (const { read, served } of await compareWithServed(wiring)) t.same(served, read)
  },
)

t.test('a port of doveadm that speaks TLS is a listener of Dovecot, too', options, async (t) => {
  const [wrapped = 0, clear = 0] = await freePorts(2)
  const { daemon, deploy } = await startWired(t, 'dovecot', first, () => ({
    main: `service doveadm {
  inet_listener wrapped {
    port = ${wrapped}
    ssl = yes
  }
  inet_listener clear {
    port = ${clear}
  }
}
`,
  }))

  const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  t.match(
    outcome.probes.find(({ address }) => address.endsWith(`:${wrapped}`)),
    { protocol: 'tls', seen: second.sha256 },
  )
  t.equal(outcome.probes.length, daemon.ports.length + 1, 'its other port says nothing that can be looked at')
})

t.test(
  'the wiring names what LMTP and doveadm show for a name of `local_name`',
  { skip: unlessInstalled('dovecot', 'doveadm') },
  async (t) => {
    const [lmtp = 0, wrapped = 0] = await freePorts(2)
    const { readWiring } = await startWired(t, 'dovecot', first, (folder) => ({
      main: `protocols = imap pop3 lmtp
local_name mail.example.org {
  ssl_cert = <${folder}/org.pem
  ssl_key = <${folder}/org.pem
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtp}
  }
}
service doveadm {
  inet_listener wrapped {
    port = ${wrapped}
    ssl = yes
  }
}
`,
      files: { 'org.pem': bundleOf(org) },
    }))

    const wiring = await readWiring()

    t.same(
      wiring.listeners.filter(({ port }) => port === wrapped).map(({ servername }) => servername),
      [null],
    )
    for (const { read, served } of await compareWithServed(wiring)) t.same(served, read)
    const isNamed = wiring.listeners.some(({ port, servername }) => port === lmtp && servername === 'mail.example.org')
    const seen = await seenBy({ host: '127.0.0.1', port: lmtp, protocol: 'lmtp' }, 'mail.example.org')
    t.equal(seen, (isNamed ? org : first).sha256)
    t.equal(await seenBy({ host: '127.0.0.1', port: wrapped, protocol: 'tls' }, 'mail.example.org'), first.sha256)
  },
)

t.test('a certificate that stands in the settings: TLS is spoken, and no file can renew it', options, async (t) => {
  const { daemon, config, readWiring } = await startWired(t, 'dovecot', first)
  const setting = (await installedDovecot()) === '2.3' ? 'ssl_cert = "' : 'ssl_server_cert_file = "inline:'
  const inline = `\n${setting}${first.certificatePem.trim().replaceAll('\n', ' ')}"\n`
  await writeFile(config, (await readFile(config, 'utf8')) + inline)

  const { listeners, doubts } = await readWiring()

  t.equal(listeners.length, daemon.ports.length)
  t.ok(listeners.every(({ doubt }) => doubt?.includes('no file can renew it')))
  t.same(doubts, [], 'which files are read is known all the same')
})

t.test('settings that Dovecot refuses are broken, not missing, and no key is in what is told', options, async (t) => {
  const { config } = await startWired(t, 'dovecot', first)
  const settings = await readFile(config, 'utf8')
  const host = createHostView(30_000, () => '/nowhere')
  const foreign = (await installedDovecot()) === '2.3' ? 'ssl_server_cert_file = /srv/a.pem' : 'ssl_cert = </srv/a.pem'

  for (const line of [foreign, 'service {', `ssl_key = "${first.keyPem}"`]) {
    await writeFile(config, `${settings}${line}\n`)
    const answer = await readDovecotWiring(host, config)
    t.match(answer, { unwired: 'broken', said: /Fatal/ }, line.slice(0, 20))
    t.notMatch(JSON.stringify(answer), first.keyPem.split('\n')[1] ?? 'no key')
  }
  await writeFile(config, settings)
})

/** Login processes that hold their ports while Dovecot opens them anew. */
function alwaysThere(protocol: string): string {
  return `service ${protocol}-login {\n  service_count = 0\n  process_min_avail = 4\n}\n`
}

function onBothLoopbacks(ports: readonly { readonly port: number }[]): readonly string[] {
  return ports.flatMap(({ port }) => [`127.0.0.1 ${port}`, `::1 ${port}`])
}
