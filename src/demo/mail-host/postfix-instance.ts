import { dirname, join } from 'node:path'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { copyMatching, freePorts, makeFolder, writeText } from '../../host/file/plain-files.ts'
import { resolveUser } from '../../host/users.ts'
import { type Daemon, type DaemonPort, runOrThrow, waitForPortsOf } from './daemon.ts'

/** A pair to begin with, PEM. */
export interface FirstPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** Where a daemon reads its pair. One path twice: one file with the key before the certificate. */
export type PairPaths = Pick<Daemon, 'certPath' | 'keyPath'>

/** Lines for `main.cf`, in the place of those that set the same, and lines that are added to `master.cf`. */
export interface PostfixSettings {
  readonly main?: string
  readonly master?: string
}

/** Starts a private Postfix below `dir`: STARTTLS on two ports, wrapper mode on one. Needs root. */
export async function startPostfix(
  dir: string,
  pair: FirstPair,
  paths = pairPathsIn(dir),
  more: PostfixSettings = {},
): Promise<Daemon> {
  const etc = join(dir, 'etc')
  await makeFolder(join(dir, 'queue'))
  await layOutPostfix(etc, join(dir, 'data'))
  const { certPath, keyPath } = paths
  await writePair(pair, paths)
  const [smtp = 0, submission = 0, smtps = 0] = await freePorts(3)
  await writeText(join(etc, 'main.cf'), settingsWith(mainCf(dir, certPath, keyPath), more.main ?? ''))
  await writeText(join(etc, 'master.cf'), masterCf(smtp, submission, smtps) + (more.master ?? ''))
  const ports: readonly DaemonPort[] = [
    { name: 'smtp', port: smtp, protocol: 'smtp' },
    { name: 'submission', port: submission, protocol: 'smtp' },
    { name: 'smtps', port: smtps, protocol: 'tls' },
  ]
  await runOrThrow(['postfix', '-c', etc, 'start'])
  const stop = (): Promise<void> => runOrThrow(['postfix', '-c', etc, 'stop'])
  await waitForPortsOf({ ports, stop })
  return {
    name: 'postfix',
    certPath,
    keyPath,
    ports,
    check: ['postfix', '-c', etc, 'check'],
    reload: ['postfix', '-c', etc, 'reload'],
    stop,
  }
}

/** The folders of settings and of data of another Postfix, with the files that each needs beside its settings. */
export async function layOutPostfix(etc: string, data: string): Promise<void> {
  const account = await resolveUser('postfix')
  if (account === null) throw new WaxsealError('INTERNAL', { reason: 'this machine has no postfix account' })
  await makeFolder(etc)
  await makeFolder(data, account)
  await copyMatching('/etc/postfix', etc, /^(postfix-files.*|post-install|postfix-script|dynamicmaps\.cf.*)$/)
}

/** The lines of `main.cf` that keep a Postfix below `dir` apart from every other one on this machine. */
export function ownPlaces(dir: string): string {
  return `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
meta_directory = /etc/postfix
multi_instance_name = postfix-${dir.replaceAll(/[^A-Za-z0-9]/g, '-')}
maillog_file = ${dir}/mail.log
maillog_file_prefixes = ${dir}
mydestination =
alias_maps =
`
}

/** The usual paths below the folder of a daemon. */
export function pairPathsIn(dir: string): PairPaths {
  return { certPath: join(dir, 'tls', 'cert.pem'), keyPath: join(dir, 'tls', 'key.pem') }
}

/** Writes the pair that a daemon begins with. */
export async function writePair(pair: FirstPair, { certPath, keyPath }: PairPaths): Promise<void> {
  for (const path of [certPath, keyPath]) await makeFolder(dirname(path))
  if (certPath !== keyPath) await writeText(certPath, pair.certificatePem)
  await writeText(keyPath, certPath === keyPath ? pair.keyPem + pair.certificatePem : pair.keyPem, 0o600)
}

function mainCf(dir: string, certPath: string, keyPath: string): string {
  return `${ownPlaces(dir)}myhostname = mail.example.net
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${certPath}
smtpd_tls_key_file = ${keyPath}
`
}

/** Each is set once: of a second time every process warns, and postlogd(8), which is sent all warnings, blocks on its own. */
function settingsWith(lines: string, more: string): string {
  const nameOf = (line: string): string => line.split(' =')[0] ?? ''
  const set = more.split('\n').map(nameOf)
  const kept = lines.split('\n').filter((line) => line !== '' && !set.includes(nameOf(line)))
  return `${kept.join('\n')}\n${more}`
}

/** The lines of `master.cf` without which nothing starts: no listener is among them. */
export const innerServices = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

function masterCf(smtp: number, submission: number, smtps: number): string {
  return `${smtp} inet n - n - - smtpd
${submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
${smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
${innerServices}`
}
