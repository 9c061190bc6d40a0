import { join } from 'node:path'
import { freePorts, makeFolder, writeText } from '../../host/file/plain-files.ts'
import { type Daemon, type DaemonPort, runOrThrow, waitForPortsOf } from './daemon.ts'
import { accounts, type DovecotRelease, installedDovecot, spelledFor, versionLines } from './dovecot-settings.ts'
import { type FirstPair, type PairPaths, pairPathsIn, writePair } from './postfix-instance.ts'

/**
 * Starts a private Dovecot below `dir`: IMAP and POP3, each with STARTTLS and with TLS from the first byte. `more` is added to
 * its settings: lines of 2.3, which are written as the installed release wants them. Needs root.
 */
export async function startDovecot(dir: string, pair: FirstPair, paths = pairPathsIn(dir), more = ''): Promise<Daemon> {
  for (const folder of [join(dir, 'run'), join(dir, 'state')]) await makeFolder(folder)
  const { certPath, keyPath } = paths
  await writePair(pair, paths)
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0] = await freePorts(4)
  const config = join(dir, 'dovecot.conf')
  const release = await installedDovecot()
  const settings = dovecotConf(dir, release, paths, { imap, imaps, pop3, pop3s })
  await writeText(config, versionLines(release) + spelledFor(release, settings + more))
  const ports: readonly DaemonPort[] = [
    { name: 'imap', port: imap, protocol: 'imap' },
    { name: 'imaps', port: imaps, protocol: 'tls' },
    { name: 'pop3', port: pop3, protocol: 'pop3' },
    { name: 'pop3s', port: pop3s, protocol: 'tls' },
  ]
  await runOrThrow(['dovecot', '-c', config])
  const stop = (): Promise<void> => runOrThrow(['doveadm', '-c', config, 'stop'])
  await waitForPortsOf({ ports, stop })
  return {
    name: 'dovecot',
    certPath,
    keyPath,
    ports,
    check: ['doveconf', '-c', config, '-n'],
    reload: ['doveadm', '-c', config, 'reload'],
    stop,
  }
}

function dovecotConf(
  dir: string,
  release: DovecotRelease,
  { certPath, keyPath }: PairPaths,
  ports: { readonly imap: number; readonly imaps: number; readonly pop3: number; readonly pop3s: number },
): string {
  return `protocols = imap pop3
listen = 127.0.0.1
base_dir = ${dir}/run
state_dir = ${dir}/state
instance_name = waxseal-demo
log_path = ${dir}/dovecot.log
ssl = yes
ssl_cert = <${certPath}
ssl_key = <${keyPath}
${accounts(release, `${dir}/home`)}service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = ${ports.pop3s}
    ssl = yes
  }
}
`
}
