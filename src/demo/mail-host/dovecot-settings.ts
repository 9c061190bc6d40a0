import { WaxsealError } from '../../error/waxseal-error.ts'
import { runCommand } from '../../host/process/command.ts'

/** Releases whose settings differ: 2.4 refuses what 2.3 was told. Debian 12 has the first, Debian 13 the second. */
export type DovecotRelease = '2.3' | '2.4'

/** The release of the Dovecot that is installed; INTERNAL where it does not say. */
export async function installedDovecot(): Promise<DovecotRelease> {
  const { stdout, output } = await runCommand(['dovecot', '--version'], { timeoutMs: 10_000 })
  const [, major = '', minor = ''] = /^(\d{1,4})\.(\d{1,4})\./.exec(stdout) ?? []
  if (minor === '') throw new WaxsealError('INTERNAL', { reason: 'dovecot --version names no version', output })
  return Number(major) > 2 || Number(minor) >= 4 ? '2.4' : '2.3'
}

/** How 2.4 spells a line of 2.3, by the upgrade guide of its documentation. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/^(\s*)ssl_(alt_)?(cert|key) = </, '$1ssl_server_$2$3_file = '],
  // Of an inet_listener.
  [/^(\s*)address = /, '$1listen = '],
  [/^(\s*)service_count = 0$/, '$1restart_request_count = unlimited'],
  [/^(\s*)service_count = /, '$1restart_request_count = '],
]

/** Lines of 2.3 as this release wants them, as far as the demo and the tests use them. */
export function spelledFor(release: DovecotRelease, settings: string): string {
  return release === '2.3' ? settings : settings.split('\n').map(asOf24).join('\n')
}

function asOf24(line: string): string {
  const [pattern, name] = renamed.find(([old]) => old.test(line)) ?? []
  return pattern === undefined || name === undefined ? line : line.replace(pattern, name)
}

/** What has to come first: 2.4 does not start without it. */
export function versionLines(release: DovecotRelease): string {
  return release === '2.3' ? '' : 'dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n'
}

/** Every user has the password `demo` and its mail below `home`. */
export function accounts(release: DovecotRelease, home: string): string {
  if (release === '2.3')
    return `passdb {
  driver = static
  args = password=demo
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${home}
}
`
  return `passdb static {
  password = demo
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = ${home}
  }
}
`
}
