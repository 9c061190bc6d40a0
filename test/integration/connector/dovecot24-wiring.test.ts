import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import type { HostView } from '../../../src/connector/host-view.ts'
import { isUnwired } from '../../../src/connector/wiring/wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { freePorts, makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { bundleOf, compareWithServed, seenBy } from './wired-host.ts'

/** The Debian 13 that the host tests boot; nobody writes into it. */
const debian13 = '/var/cache/waxseal-test/trixie'
const unlessThere = existsSync(debian13) ? false : 'the host tests have not made a Debian 13 here'
const options = { skip: isRoot() ? unlessThere : 'only root can start the daemons' }

const authority = await makeAuthority()
const [pair, org, other] = await Promise.all([
  authority.issue({ names: ['mail.example.net'] }),
  authority.issue({ names: ['mail.example.org'] }),
  authority.issue({ names: ['mail.wide.test'] }),
])

t.test(
  '2.4: what the wiring names is what a real Dovecot serves: relative paths, includes, both loopbacks',
  options,
  async (t) => {
    const { dir, host, ports } = await startDovecot24(t)

    const wiring = await readDovecotWiring(host, '/mnt/dovecot.conf')

    if (isUnwired(wiring)) throw new Error(wiring.reason)
    t.same(
      wiring.listeners.filter(({ servername }) => servername === null).map(({ host: at, port }) => [at, port]),
      ports.slice(0, 2).flatMap((port) => [
        ['127.0.0.1', port],
        ['::1', port],
      ]),
    )
    t.ok(wiring.listeners.every(({ doubt }) => doubt === undefined))
    for (const { host: at, port, protocol, servername, files } of wiring.listeners) {
      const [file] = files
      const text = await readFile((file?.path ?? '').replace('/mnt', dir), 'utf8')
      const { sha256 } = servername === null ? pair : org
      t.ok(text.includes((servername === null ? pair : org).certificatePem), `${at} ${port} ${servername}`)
      t.equal(await seenBy({ host: at, port, protocol }, servername), sha256)
    }
  },
)

t.test('2.4: the last `local_name` that fits wins, and inherits what it does not set', options, async (t) => {
  const pairIn = (file: string): string =>
    `{\n  ssl_server_cert_file = ../certs/${file}\n  ssl_server_key_file = ../certs/${file}\n}\n`
  const { dir, host } = await startDovecot24(
    t,
    `local_name *.wide.test ${pairIn('org.pem')}local_name mail.wide.test ${pairIn('other.pem')}
local_name mail.narrow.test ${pairIn('other.pem')}local_name *.narrow.test ${pairIn('org.pem')}
local_name *.part.test ${pairIn('org.pem')}local_name mail.part.test {\n  ssl_min_protocol = TLSv1.2\n}
local_name a.b.part.test {\n  ssl_min_protocol = TLSv1.2\n}
`,
  )

  const wiring = await readDovecotWiring(host, '/mnt/dovecot.conf')

  if (isUnwired(wiring)) throw new Error(wiring.reason)
  const listeners = wiring.listeners.map((listener) => ({
    ...listener,
    files: listener.files.map((file) => ({ ...file, path: file.path.replace('/mnt', dir) })),
  }))
  t.equal(new Set(listeners.map(({ servername }) => servername)).size, 9)
  t.ok(listeners.every(({ doubt }) => doubt === undefined))
  for (const { read, served } of await compareWithServed({ ...wiring, listeners })) t.same(served, read)
})

t.test('2.4: a line of 2.3 is a configuration that is broken, not a Dovecot that is not there', options, async (t) => {
  const { dir, host } = await startDovecot24(t)
  const config = join(dir, 'dovecot.conf')
  await writeFile(config, `${await readFile(config, 'utf8')}ssl_cert = </mnt/certs/cert.pem\n`)

  t.match(await readDovecotWiring(host, '/mnt/dovecot.conf'), { unwired: 'broken', said: /Fatal: .*ssl_cert/ })
})

/** A Dovecot 2.4 with its settings in a folder that it has as /mnt, and these names in `conf.d`, until the end of the test. */
async function startDovecot24(
  t: Test,
  names = '',
): Promise<{ readonly dir: string; readonly host: HostView; readonly ports: readonly number[] }> {
  const dir = await makeTemporaryFolder('waxseal-2.4-')
  t.teardown(() => removeWhenQuiet(dir))
  for (const folder of ['run', 'state', 'certs', 'conf.d']) await makeFolder(join(dir, folder))
  const ports = await freePorts(2)
  const [imap = 0, imaps = 0] = ports
  const texts = {
    'certs/cert.pem': pair.certificatePem,
    'certs/key.pem': pair.keyPem,
    'certs/org.pem': bundleOf(org),
    'certs/other.pem': bundleOf(other),
    'conf.d/10-org.conf': `local_name mail.example.org {
  ssl_server_cert_file = ../certs/org.pem
  ssl_server_key_file = ../certs/org.pem
}
${names}`,
    'dovecot.conf': `dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap
base_dir = /mnt/run
state_dir = /mnt/state
log_path = /mnt/log
ssl = yes
ssl_server_cert_file = certs/cert.pem
ssl_server_key_file = certs/key.pem
passdb static {
  password = test
}
service imap-login {
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = ${imaps}
  }
}
!include conf.d/*.conf
`,
  }
  for (const [file, text] of Object.entries(texts)) await writeText(join(dir, file), text, 0o600)
  const inside = ([program, ...args]: Command): Command => [
    'unshare',
    '-m',
    'sh',
    '-c',
    `mount --bind ${dir} ${debian13}/mnt && mount --bind /dev ${debian13}/dev && mount -t proc proc ${debian13}/proc && exec chroot ${debian13} "$0" "$@"`,
    program,
    ...args,
  ]
  await runOrThrow(inside(['dovecot', '-c', '/mnt/dovecot.conf']))
  t.teardown(async () => {
    const pid = Number.parseInt(await readFile(join(dir, 'run', 'master.pid'), 'utf8'), 10)
    await runOrThrow(['sh', '-c', `kill ${pid} && tail --pid=${pid} -f /dev/null`])
  })
  const real = createHostView(30_000, () => '/nowhere')
  const outside = (path: string): string => path.replace(/^\/mnt\//, `${dir}/`)
  const host: HostView = {
    ...real,
    readFile: (path) => real.readFile(outside(path)),
    exists: (path) => real.exists(outside(path)),
    run: (command) => real.run(inside(command)),
  }
  return { dir, host, ports }
}
