import { existsSync } from 'node:fs'
import { chmod, chown } from 'node:fs/promises'
import { join } from 'node:path'
import { type Daemon, type DaemonPort, runOrThrow, waitForPortsOf } from '../../../src/demo/mail-host/daemon.ts'
import { type FirstPair, pairPathsIn, writePair } from '../../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { resolveUser } from '../../../src/host/users.ts'
import type { Command } from '../../../src/plan/plan.ts'

/** Where `.ci/install-conflicting-daemons` unpacks what Debian does not install beside Postfix and Dovecot. */
const tree = '/var/lib/waxseal-test-daemons'

/** Exim itself: `exim4` on PATH may be a copy of it. */
export const eximProgram = `${tree}/exim/usr/sbin/exim4`

/** Debian's larger Exim, which takes the PROXY header. */
export const heavyEximProgram = `${tree}/exim-heavy/usr/sbin/exim4`

/** Why a test of these daemons is left out on this machine, in a sentence; false: it is not. */
export function unlessUnpacked(): string | false {
  if (!isRoot()) return 'only root can start the daemons'
  return existsSync(join(tree, 'complete-2')) ? false : 'run .ci/install-conflicting-daemons first'
}

/** Starts a private Exim below `dir`: STARTTLS on one port, TLS from the first byte on another; `tls` says what it reads. */
export async function startExim(
  dir: string,
  pair: FirstPair,
  tls = `tls_certificate = ${dir}/tls/cert.pem\ntls_privatekey = ${dir}/tls/key.pem\n`,
  {
    program = eximProgram,
    wantsHeader = false,
    interfaces = '127.0.0.1',
  }: { readonly program?: string; readonly wantsHeader?: boolean; readonly interfaces?: string } = {},
): Promise<Daemon> {
  const paths = await writePairFor('Debian-exim', dir, pair)
  const [smtp = 0, smtps = 0] = await freePorts(2)
  const config = join(dir, 'exim.conf')
  const pidFile = join(dir, 'var', 'exim.pid')
  await writeText(
    config,
    `exim_path = ${program}
primary_hostname = mail.example.net
spool_directory = ${dir}/var
log_file_path = ${dir}/var/%slog
pid_file_path = ${pidFile}
daemon_smtp_ports = ${smtp} : ${smtps}
tls_on_connect_ports = ${smtps}
local_interfaces = ${interfaces}
tls_advertise_hosts = *
${tls}acl_smtp_rcpt = deny
keep_environment =
`,
  )
  return started({
    name: 'exim',
    ...paths,
    ports: mailPorts(smtp, smtps),
    start: [program, '-C', config, '-bd'],
    // As the connector says it, where it is the Exim of this host.
    check: [program === eximProgram ? 'exim4' : program, '-C', config, '-bV'],
    ...signals(pidFile, 'Debian-exim'),
    isMute: wantsHeader,
  })
}

/** Starts a private OpenSMTPD below `dir`: STARTTLS on one port, TLS from the first byte on another. */
export async function startOpensmtpd(dir: string, pair: FirstPair): Promise<Daemon> {
  const paths = pairPathsIn(dir)
  await writePair(pair, paths)
  const [smtp = 0, smtps = 0] = await freePorts(2)
  const config = join(dir, 'smtpd.conf')
  await writeText(
    config,
    `pki mail cert "${paths.certPath}"
pki mail key "${paths.keyPath}"
listen on 127.0.0.1 port ${smtp} tls pki mail hostname mail.example.net
listen on 127.0.0.1 port ${smtps} smtps pki mail hostname mail.example.net
action "local" maildir "${dir}/mail"
match for local action "local"
`,
  )
  const instance = (verb: string): Command => [`${tree}/bin/smtpd-instance`, verb, dir]
  return started({
    name: 'opensmtpd',
    ...paths,
    ports: mailPorts(smtp, smtps),
    start: instance('start'),
    check: [`${tree}/opensmtpd/usr/sbin/smtpd`, '-n', '-f', config],
    reload: instance('restart'),
    stop: instance('stop'),
  })
}

/** Starts a private Cyrus below `dir`: IMAP with STARTTLS, and with TLS from the first byte. */
export async function startCyrus(dir: string, pair: FirstPair): Promise<Daemon> {
  const paths = await writePairFor('cyrus', dir, pair)
  const [imap = 0, imaps = 0] = await freePorts(2)
  const config = join(dir, 'imapd.conf')
  const services = join(dir, 'cyrus.conf')
  const pidFile = join(dir, 'master.pid')
  const programs = `${tree}/cyrus/usr/lib/cyrus/bin`
  const account = await accountOf('cyrus')
  for (const folder of ['db', 'proc', 'socket', 'log', 'lock', 'spool'])
    await makeFolder(join(dir, 'var', folder), account)
  await writeText(
    config,
    `allowstarttls: yes
configdirectory: ${dir}/var
partition-default: ${dir}/var/spool
defaultpartition: default
proc_path: ${dir}/var/proc
mboxname_lockpath: ${dir}/var/lock
sasl_pwcheck_method: auxprop
tls_server_cert: ${paths.certPath}
tls_server_key: ${paths.keyPath}
`,
  )
  await writeText(
    services,
    `START {
  recover cmd="${programs}/ctl_cyrusdb -C ${config} -r"
}
SERVICES {
  imap cmd="${programs}/imapd -C ${config}" listen="127.0.0.1:${imap}" prefork=0
  imaps cmd="${programs}/imapd -C ${config} -s" listen="127.0.0.1:${imaps}" prefork=0
}
EVENTS {
}
`,
  )
  return started({
    name: 'cyrus',
    ...paths,
    ports: [
      { name: 'imap', port: imap, protocol: 'imap' },
      { name: 'imaps', port: imaps, protocol: 'tls' },
    ],
    start: [`${tree}/bin/master`, '-C', config, '-M', services, '-p', pidFile, '-d'],
    check: [`${tree}/bin/cyr_info`, '-C', config, '-M', services, 'conf-lint'],
    ...signals(pidFile, 'cyrus'),
  })
}

type Commands = Omit<Daemon, 'stop'> & {
  readonly start: Command
  readonly stop: Command
  /** Its ports say nothing before they are spoken to: they are not waited for. */
  readonly isMute?: boolean
}

/** Runs it until `stop`, which also ends one that does not answer. */
async function started({ start, stop: end, isMute = false, ...daemon }: Commands): Promise<Daemon> {
  await runOrThrow(start)
  const stop = (): Promise<void> => runOrThrow(end)
  await waitForPortsOf({ ports: isMute ? [] : daemon.ports, stop })
  return { ...daemon, stop }
}

function mailPorts(smtp: number, smtps: number): readonly DaemonPort[] {
  return [
    { name: 'smtp', port: smtp, protocol: 'smtp' },
    { name: 'smtps', port: smtps, protocol: 'tls' },
  ]
}

/** By the pid file: start-stop-daemon(8) trusts that of another account only together with the account. */
export function signals(pidFile: string, account: string): { readonly reload: Command; readonly stop: Command } {
  const to = (...how: readonly string[]): Command => [
    'start-stop-daemon',
    '--stop',
    '--quiet',
    ...how,
    '--pidfile',
    pidFile,
    '--user',
    account,
  ]
  return { reload: to('--signal', 'HUP'), stop: to('--retry', '20') }
}

/** The first pair, its key readable by this account's group, and a folder in which the account may write. */
async function writePairFor(name: string, dir: string, pair: FirstPair) {
  const account = await accountOf(name)
  const paths = pairPathsIn(dir)
  await writePair(pair, paths)
  await chown(paths.keyPath, 0, account.gid)
  await chmod(paths.keyPath, 0o640)
  await makeFolder(join(dir, 'var'), account)
  return paths
}

async function accountOf(name: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const account = await resolveUser(name)
  if (account === null) throw new Error(`this machine has no account ${name}`)
  return account
}
