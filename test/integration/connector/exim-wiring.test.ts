import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readEximWiring } from '../../../src/connector/exim/read-wiring.ts'
import type { HostView } from '../../../src/connector/host-view.ts'
import { isUnwired, type Wiring } from '../../../src/connector/wiring/wiring.ts'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { freePorts, makeFolder, makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Probe } from '../../../src/plan/plan.ts'
import { type Look, probeOnce } from '../../../src/verify/probe-once.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { heavyEximProgram, startExim, unlessUnpacked } from './conflicting-daemons.ts'
import { seenBy } from './wired-host.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const [pair, rsa] = await Promise.all([authority.issue({ names }), authority.issue({ names, keyType: 'rsa' })])
const options = { skip: unlessUnpacked() }
const host = createHostView(30_000, () => '/nowhere')

t.test('macros, and an RSA pair beside an EC pair: each file whose leaf is served is read', options, async (t) => {
  const { dir, daemon, config } = await start(t, (folder) => [
    `MAIN_TLS_CERTIFICATE = ${folder}/tls/cert.pem : ${folder}/rsa.crt`,
    `MAIN_TLS_PRIVATEKEY = ${folder}/tls/key.pem : ${folder}/rsa.key`,
    '.ifdef MAIN_TLS_CERTIFICATE',
    'tls_certificate = MAIN_TLS_CERTIFICATE',
    '.endif',
    'tls_privatekey = MAIN_TLS_PRIVATEKEY',
  ])

  const { listeners } = await wiringOf(config)

  t.equal(listeners.length, daemon.ports.length)
  for (const { files, port, protocol } of listeners) {
    t.same(
      files.map(({ path, role }) => `${role} ${path}`),
      [`certificate ${dir}/tls/cert.pem`, `key ${dir}/tls/key.pem`, `certificate ${dir}/rsa.crt`, `key ${dir}/rsa.key`],
    )
    t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, null, 'ecdsa'), pair.sha256)
    t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, null, 'rsa'), rsa.sha256)
  }
})

t.test(
  'a path that Exim makes for each name: the one without a name is read, others are a doubt',
  options,
  async (t) => {
    const bySni = (kind: string, folder: string): string =>
      `\${if eq{$tls_in_sni}{mail.example.org}{${folder}/rsa.${kind === 'cert' ? 'crt' : 'key'}}{${folder}/tls/${kind}.pem}}`
    const { dir, config } = await start(t, (folder) => [
      `tls_certificate = ${bySni('cert', folder)}`,
      `tls_privatekey = ${bySni('key', folder)}`,
    ])

    const { listeners, doubts } = await wiringOf(config)

    t.match(doubts, [/for each name that a client asks for/])
    for (const { files, port, protocol, doubt } of listeners) {
      t.equal(files[0]?.path, `${dir}/tls/cert.pem`)
      t.equal(doubt, undefined)
      t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, null), pair.sha256)
      t.equal(await seenBy({ host: '127.0.0.1', port, protocol }, 'mail.example.org'), rsa.sha256)
    }
  },
)

t.test('a file in a folder that only root sees into is not there for Exim', options, async (t) => {
  for (const mode of [0o700, 0o755]) {
    const { dir, config } = await start(t, (folder) => {
      const choice = (kind: string, other: string): string =>
        `\${if exists{${folder}/live/rsa.crt}{${folder}/live/rsa.${kind}}{${folder}/tls/${other}.pem}}`
      return [`tls_certificate = ${choice('crt', 'cert')}`, `tls_privatekey = ${choice('key', 'key')}`]
    })
    await makeFolder(join(dir, 'live'))
    for (const file of ['rsa.crt', 'rsa.key']) await rename(join(dir, file), join(dir, 'live', file))
    await chmod(join(dir, 'live'), mode)

    const { listeners } = await wiringOf(config)

    const isSeen = mode === 0o755
    for (const listener of listeners) {
      t.equal(listener.files[0]?.path, isSeen ? `${dir}/live/rsa.crt` : `${dir}/tls/cert.pem`)
      t.equal(await seenBy(listener, null), isSeen ? rsa.sha256 : pair.sha256)
    }
    t.ok(listeners.length > 0)
  }
})

t.test('an IPv6 address with a port behind a dot is listened on at that port', options, async (t) => {
  const [loopback = 0, all = 0] = await freePorts(2)
  const interfaces = `<; 127.0.0.1 ; ::1.${loopback} ; ::0.${all}`
  const { config, daemon } = await start(t, pairLines, interfaces)

  const { listeners } = await wiringOf(config)

  t.same(
    listeners.map(({ host: at, port }) => [at, port]),
    [...daemon.ports.map(({ port }) => ['127.0.0.1', port]), ['::1', loopback], ['::1', all]],
  )
  for (const listener of listeners) t.equal(await seenBy(listener, null), pair.sha256)
})

t.test('an Exim that reads no file speaks TLS with a certificate of its own making', options, async (t) => {
  const { config, daemon } = await start(t, () => [])

  const { listeners, named } = await wiringOf(config)

  t.same(named, [])
  t.equal(listeners.length, daemon.ports.length)
  for (const { port, protocol, doubt } of listeners) {
    t.match(doubt, /^Exim makes its certificate itself/)
    t.type(await seenBy({ host: '127.0.0.1', port, protocol }, null), 'string')
  }
})

t.test('STARTTLS that is not offered to this host is a doubt', options, async (t) => {
  const { config, daemon } = await start(t, pairLines)
  const settings = await readFile(config, 'utf8')
  await writeFile(config, settings.replace('tls_advertise_hosts = *', 'tls_advertise_hosts = ! 127.0.0.0/8 : *'))

  const { listeners } = await wiringOf(config)

  t.same(
    listeners.map(({ protocol, doubt }) => [protocol, doubt === undefined]),
    [
      ['smtp', false],
      ['tls', true],
    ],
  )
  t.equal(listeners.length, daemon.ports.length)
})

t.test('settings that Exim refuses are broken, not missing', options, async (t) => {
  const { config } = await start(t, () => [])
  const settings = await readFile(config, 'utf8')

  for (const line of ['no_such_option = 1', 'a line of nothing', '.ifdef X']) {
    await writeFile(config, `${settings}${line}\n`)
    t.match(await readEximWiring(host, config), { unwired: 'broken', said: /configuration error/ }, line)
  }
})

t.test('an Exim that wants the PROXY header is sent it, and proven by it', options, async (t) => {
  const dir = await makeTemporaryFolder('waxseal-exim-')
  t.teardown(() => removeWhenQuiet(dir))
  const tls = `tls_certificate = ${dir}/tls/cert.pem\ntls_privatekey = ${dir}/tls/key.pem\nhosts_proxy = 127.0.0.0/8\n`
  const daemon = await startExim(dir, pair, tls, { program: heavyEximProgram, wantsHeader: true })
  t.teardown(() => daemon.stop())
  // As if it were the one that this host has.
  const asHeavy = (view: HostView): HostView => ({
    ...view,
    run: ([program, ...args]) => view.run([program === 'exim4' ? heavyEximProgram : program, ...args]),
  })

  const wiring = await readEximWiring(asHeavy(host), join(dir, 'exim.conf'))

  if (isUnwired(wiring)) throw new Error(wiring.reason)
  const { listeners } = wiring
  t.same(
    listeners.map(({ port, proxy }) => ({ port, proxy })),
    daemon.ports.map(({ port }) => ({ port, proxy: 1 })),
  )
  for (const { host: address, port, protocol } of listeners) {
    const probe = { host: address, port, protocol, servername: null, keyType: null, timeoutMs: 10_000 }
    t.match(await seenInTime({ ...probe, proxy: 1 }), { leaf: { sha256: pair.sha256 } })
  }
  const engine = await openTestEngine(
    dir,
    [daemon.check, daemon.reload].map((command) => command.join(' ')),
  )
  const next = await authority.issue({ names })
  const outcome = await deploy(
    {
      target: 'exim',
      connector: 'exim',
      config: {
        daemon_config: join(dir, 'exim.conf'),
        cert_path: daemon.certPath,
        key_path: daemon.keyPath,
        validate_command: daemon.check.join(' '),
        reload_command: daemon.reload.join(' '),
      },
      certificatePem: next.certificatePem,
      chainPem: next.chainPem,
      findKey: async () => next.keyPem,
    },
    { ...engine, hostView: asHeavy(engine.hostView) },
  )
  t.match(outcome, { outcome: 'deployed', proven: true, probes: [{ seen: next.sha256 }, { seen: next.sha256 }] })
})

/** It listens a moment after it has started. */
async function seenInTime(probe: Probe): Promise<Look> {
  for (;;) {
    const look = await probeOnce(probe)
    if (look.leaf !== null || look.error?.includes('ECONNREFUSED') !== true) return look
  }
}

async function wiringOf(config: string): Promise<Wiring> {
  const answer = await readEximWiring(host, config)
  if (isUnwired(answer)) throw new Error(answer.reason)
  return answer
}

/** The pair itself. */
function pairLines(folder: string): readonly string[] {
  return [`tls_certificate = ${folder}/tls/cert.pem`, `tls_privatekey = ${folder}/tls/key.pem`]
}

/** An Exim whose material these lines name, with `rsa.crt` and `rsa.key` in its folder, until the end of the test. */
async function start(
  t: Test,
  lines: (dir: string) => readonly string[],
  interfaces?: string,
): Promise<{ readonly dir: string; readonly daemon: Daemon; readonly config: string }> {
  const dir = await makeTemporaryFolder('waxseal-exim-')
  t.teardown(() => removeWhenQuiet(dir))
  for (const [file, text] of [
    ['rsa.crt', rsa.certificatePem],
    ['rsa.key', rsa.keyPem],
  ] as const) {
    await writeFile(join(dir, file), text)
    await chmod(join(dir, file), 0o644)
  }
  const daemon = await startExim(
    dir,
    pair,
    lines(dir)
      .map((line) => `${line}\n`)
      .join(''),
    interfaces === undefined ? {} : { interfaces },
  )
  t.teardown(() => daemon.stop())
  return { dir, daemon, config: join(dir, 'exim.conf') }
}
