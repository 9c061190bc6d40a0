import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { isUnwired, type Listener, type Wiring } from '../../../src/connector/wiring/wiring.ts'
import { type Daemon, runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { installedDovecot, spelledFor } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { TestPair } from '../../support/certificates.ts'
import { deployPair, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

/** A private daemon whose configuration a test has chosen, and that deployments reach through its own settings. */
export interface WiredHost {
  readonly dir: string
  readonly daemon: Daemon
  /** As a target's `daemon_config`. */
  readonly config: string
  readWiring(): Promise<Wiring>
  /** Deploys to these paths; the target names the daemon's settings, and neither endpoint nor command. */
  deploy(pair: TestPair, target: Readonly<Record<string, unknown>>): Promise<Outcome>
}

/** What differs from the plain configuration, given the folder of the instance. */
export interface Difference {
  readonly main?: string
  readonly master?: string
  /** By name below the folder, with mode 0600; Dovecot's settings as 2.3 has them. */
  readonly files?: Readonly<Record<string, string>>
  /** Symbolic links below the folder, by name. */
  readonly links?: Readonly<Record<string, string>>
  /** An SNI map by its file, to be compiled. */
  readonly map?: string
  /** Beside the daemon's own. */
  readonly commands?: readonly string[]
  readonly unreadPaths?: 'warn' | 'refuse'
}

/** Starts a Postfix or Dovecot that reads `pair`, until the end of the test. */
export async function startWired(
  t: Test,
  name: 'postfix' | 'dovecot',
  pair: TestPair,
  difference: (dir: string) => Difference = () => ({}),
): Promise<WiredHost> {
  const dir = await makeTemporaryFolder('waxseal-wiring-')
  t.teardown(() => removeWhenQuiet(dir))
  const {
    main = '',
    master = '',
    files = {},
    links = {},
    map,
    commands: more = [],
    unreadPaths = 'warn',
  } = difference(dir)
  for (const [link, leadsTo] of Object.entries(links)) await symlink(leadsTo, join(dir, link))
  const release = name === 'dovecot' ? await installedDovecot() : '2.3'
  for (const [file, contents] of Object.entries(files)) {
    await makeFolder(dirname(join(dir, file)))
    await writeText(join(dir, file), spelledFor(release, contents), 0o600)
  }
  if (map !== undefined) await runOrThrow(['postmap', '-F', `hash:${join(dir, map)}`])
  const daemon =
    name === 'postfix'
      ? await startPostfix(dir, pair, pairPathsIn(dir), { main, master })
      : await startDovecot(dir, pair, pairPathsIn(dir), main)
  t.teardown(() => daemon.stop())
  const config = join(dir, name === 'postfix' ? 'etc' : 'dovecot.conf')
  const compile = map === undefined ? [] : [`postmap -c ${config} -F hash:${join(dir, map)}`]
  const commands = [daemon.check.join(' '), daemon.reload.join(' '), ...compile, ...more, 'false']
  const engine = await openTestEngine(dir, commands, { unread_paths: unreadPaths, dane: 'off' })
  return {
    dir,
    daemon,
    config,
    readWiring: () => readWiring(name, config),
    deploy: (newPair, target) => deployWired(engine, daemon, newPair, { daemon_config: config, ...target }),
  }
}

async function readWiring(name: 'postfix' | 'dovecot', config: string): Promise<Wiring> {
  const read = name === 'postfix' ? readPostfixWiring : readDovecotWiring
  const wiring = await read(
    createHostView(30_000, () => '/nowhere'),
    config,
  )
  if (isUnwired(wiring)) throw new Error(wiring.reason)
  return wiring
}

function deployWired(
  engine: Engine,
  daemon: Daemon,
  pair: TestPair,
  target: Readonly<Record<string, unknown>>,
): Promise<Outcome> {
  const unset = { endpoints: undefined, validate_command: undefined, reload_command: undefined }
  return deployPair(engine, daemon, pair, { ...unset, ...target })
}

/** Key before certificate, in one file. */
export function bundleOf(pair: TestPair): string {
  return pair.keyPem + pair.certificatePem + pair.chainPem
}

const signatures = { rsa: 'RSA-PSS+SHA256:RSA+SHA256', ecdsa: 'ECDSA+SHA256' } as const

/** SHA-256 of the leaf that openssl(1) is served; null: it saw none. */
export async function seenBy(
  { host, port, protocol }: Pick<Listener, 'host' | 'port' | 'protocol'>,
  servername: string | null,
  keyType?: 'rsa' | 'ecdsa',
): Promise<string | null> {
  const args = [
    '-connect',
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    ...(protocol === 'tls' ? [] : ['-starttls', protocol]),
    ...(servername === null ? ['-noservername'] : ['-servername', servername]),
    ...(keyType === undefined ? [] : ['-sigalgs', signatures[keyType]]),
  ]
  const child = spawn('openssl', ['s_client', ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  return leafIn(await text(child.stdout))?.sha256 ?? null
}

/** The first certificate of a PEM text; null: there is none. */
function leafIn(pem: string): { readonly sha256: string; readonly keyType: 'rsa' | 'ecdsa' } | null {
  const block = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(pem)?.[0]
  if (block === undefined) return null
  const leaf = new X509Certificate(block)
  const keyType = leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa'
  return { sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(), keyType }
}

/** What each certificate that the wiring names is, and what openssl is served there for its name and key type. */
export async function compareWithServed({
  listeners,
}: Wiring): Promise<readonly { readonly read: readonly unknown[]; readonly served: readonly unknown[] }[]> {
  const looks = listeners.flatMap((listener) => listener.files.map(({ path }) => ({ listener, path })))
  const compared = await Promise.all(
    looks.map(async ({ listener, path }) => {
      const leaf = leafIn(await readFile(path, 'utf8'))
      if (leaf === null) return []
      const name = listener.servername?.replace(/^\*/, 'any') ?? null
      const what = [listener.port, name, leaf.keyType]
      return [{ read: [...what, leaf.sha256], served: [...what, await seenBy(listener, name, leaf.keyType)] }]
    }),
  )
  return compared.flat()
}
