import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { type DaemonPort, runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { accounts, installedDovecot, spelledFor, versionLines } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { innerServices, layOutPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import {
  copyMatching,
  freePorts,
  makeFolder,
  makeTemporaryFolder,
  removeTree,
  writeText,
} from '../../../src/host/file/plain-files.ts'
import type { Command } from '../../../src/plan/plan.ts'
import type { TestPair } from '../../support/certificates.ts'

/** A container with a Postfix and a Dovecot, which have their default settings there, and one folder that this host shares with it. */
export interface Box {
  readonly dir: string
  /** As `instances` of the configuration has them. */
  readonly run: Command
  readonly paths: Readonly<Record<string, string>>
  /** The shared folder here, and there. */
  readonly outside: string
  readonly inside: string
  readonly postfixPorts: readonly DaemonPort[]
  readonly dovecotPorts: readonly DaemonPort[]
  /** Asked by this name, Postfix answers by its table, which is a file of the container's alone. */
  readonly tableName: string
}

/** How a container is begun: its own view of the files, the network of this host. Returns what runs a command in it. */
export type BeginContainer = (t: Test, mounts: readonly Mount[]) => Promise<Command>

/** A folder of this host, and where the container has it. */
export interface Mount {
  readonly from: string
  readonly to: string
}

/** Starts both, with this pair, until the end of the test. */
export async function startBox(t: Test, pair: TestPair, begin: BeginContainer): Promise<Box> {
  const dir = await makeTemporaryFolder('waxseal-box-')
  t.teardown(() => removeTree(dir))
  const [smtp = 0, smtps = 0, imap = 0, imaps = 0] = await freePorts(4)
  const inside = '/mnt/ssl'
  const tableName = 'table.example.net'
  await layOut(dir, pair)
  await writePostfix(join(dir, 'postfix'), inside, tableName, [smtp, smtps])
  await writeDovecot(join(dir, 'dovecot'), inside, [imap, imaps])
  const run = await begin(t, [
    { from: join(dir, 'postfix'), to: '/etc/postfix' },
    { from: join(dir, 'dovecot'), to: '/etc/dovecot' },
    { from: join(dir, 'spool'), to: '/var/spool/postfix' },
    { from: join(dir, 'data'), to: '/var/lib/postfix' },
    { from: join(dir, 'ssl'), to: inside },
    { from: join(dir, 'run'), to: '/mnt/run' },
  ])
  const inBox = (...command: readonly string[]): Promise<void> => runOrThrow([...run, ...command])
  await inBox('postmap', '-F', 'hash:/etc/postfix/sni')
  await inBox('postfix', 'start')
  t.teardown(() => inBox('postfix', 'stop'))
  await inBox('dovecot')
  t.teardown(() => inBox('doveadm', 'stop'))
  const postfixPorts = [
    { name: 'smtp', port: smtp, protocol: 'smtp' },
    { name: 'smtps', port: smtps, protocol: 'tls' },
  ] as const
  const dovecotPorts = [
    { name: 'imap', port: imap, protocol: 'imap' },
    { name: 'imaps', port: imaps, protocol: 'tls' },
  ] as const
  await waitForPorts([...postfixPorts, ...dovecotPorts])
  const outside = join(dir, 'ssl')
  return { dir, run, paths: { [inside]: outside }, outside, inside, postfixPorts, dovecotPorts, tableName }
}

async function layOut(dir: string, pair: TestPair): Promise<void> {
  for (const folder of ['dovecot', 'spool', 'ssl', 'run']) await makeFolder(join(dir, folder))
  await layOutPostfix(join(dir, 'postfix'), join(dir, 'data'))
  await writeText(join(dir, 'ssl/cert.pem'), pair.certificatePem)
  await writeText(join(dir, 'ssl/key.pem'), pair.keyPem, 0o600)
}

async function writePostfix(
  etc: string,
  tls: string,
  tableName: string,
  [smtp = 0, smtps = 0]: readonly number[],
): Promise<void> {
  await writeText(
    join(etc, 'main.cf'),
    `compatibility_level = 3.6
maillog_file = /mnt/run/mail.log
maillog_file_prefixes = /mnt/run
myhostname = mail.example.net
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${tls}/cert.pem
smtpd_tls_key_file = ${tls}/key.pem
tls_server_sni_maps = hash:/etc/postfix/sni
`,
  )
  await writeText(join(etc, 'sni'), `${tableName} ${tls}/key.pem ${tls}/cert.pem\n`, 0o600)
  const wrapped = `${smtps} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n`
  await writeText(join(etc, 'master.cf'), `${smtp} inet n - n - - smtpd\n${wrapped}${innerServices}`)
}

async function writeDovecot(etc: string, tls: string, [imap = 0, imaps = 0]: readonly number[]): Promise<void> {
  const release = await installedDovecot()
  const settings = `protocols = imap
listen = 127.0.0.1
base_dir = /mnt/run/dovecot
state_dir = /mnt/run/state
instance_name = waxseal-box
log_path = /mnt/run/dovecot.log
ssl = yes
ssl_cert = <${tls}/cert.pem
ssl_key = <${tls}/key.pem
${accounts(release, '/mnt/run/home')}service imap-login {
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
`
  await writeText(join(etc, 'dovecot.conf'), versionLines(release) + spelledFor(release, settings))
}

/** A mount namespace: what Docker and the others give a container, without their tools. */
export const inNamespace: BeginContainer = async (t, mounts) => {
  const steps = [
    'mount -t tmpfs none /mnt',
    ...mounts.flatMap(({ from, to }) => [`mkdir -p ${to}`, `mount --bind ${from} ${to}`]),
    'echo ready',
    'exec sleep infinity',
  ]
  const holder = spawn('unshare', ['--mount', 'sh', '-c', steps.join(' && ')], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => ended(holder))
  await ready(holder.stdout)
  return ['/usr/bin/nsenter', '--target', String(holder.pid), '--mount', '--']
}

/**
 * A container of podman, with this host's programs and none of its settings. Where the machine has both kinds of cgroups, crun wants the
 * second alone to be seen; its limits on files and processes may not be more than ours.
 */
export const inPodman: BeginContainer = async (t, mounts) => {
  const root = await makeTemporaryFolder('waxseal-rootfs-')
  t.teardown(() => removeTree(root))
  for (const folder of [
    'etc',
    'usr',
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'mnt',
    'root',
    'var/lib',
    'var/spool',
    'var/log',
  ])
    await makeFolder(join(root, folder))
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
  await copyMatching('/etc', join(root, 'etc'), /^(passwd|group|services|protocols|nsswitch\.conf)$/)
  const name = basename(root)
  const volumes = [{ from: '/usr', to: '/usr:ro' }, ...mounts].flatMap(({ from, to }) => ['-v', `${from}:${to}`])
  const begin = `mount -t cgroup2 none /sys/fs/cgroup; exec podman run --rm --name ${name} --network host --cgroups=disabled \
    --ulimit nofile=$(ulimit -n):$(ulimit -n) --ulimit nproc=1024:1024 ${volumes.join(' ')} --rootfs ${root} \
    sh -c 'echo ready; exec sleep infinity'`
  const holder = spawn('unshare', ['--mount', 'sh', '-c', begin], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(async () => {
    await runOrThrow(['podman', 'rm', '--force', '--time', '0', name])
    await ended(holder)
  })
  await ready(holder.stdout)
  return ['/usr/bin/podman', 'exec', name]
}

async function ready(output: Readable): Promise<void> {
  let said = ''
  for await (const chunk of output) {
    said += String(chunk)
    if (said.includes('ready')) return
  }
  throw new Error('the container did not begin')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = once(child, 'exit')
  child.kill('SIGKILL')
  await end
}
