import { X509Certificate } from 'node:crypto'
import { chmod, readFile, symlink } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { Connector } from '../../../src/connector/connector.ts'
import { dovecot } from '../../../src/connector/dovecot/dovecot.ts'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import { files as anyFiles } from '../../../src/connector/files/files.ts'
import { nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { readNginxWiring } from '../../../src/connector/nginx/read-wiring.ts'
import { postfix } from '../../../src/connector/postfix/postfix.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import { isUnwired, type Listener } from '../../../src/connector/wiring/wiring.ts'
import { runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import {
  accounts,
  type DovecotRelease,
  installedDovecot,
  spelledFor,
  versionLines,
} from '../../../src/demo/mail-host/dovecot-settings.ts'
import { innerServices } from '../../../src/demo/mail-host/postfix-instance.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import {
  copyMatching,
  freePorts,
  makeFolder,
  makeTemporaryFolder,
  removeTree,
  writeText,
} from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import { resolveUser } from '../../../src/host/users.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { ownInstance } from '../../support/own-instance.ts'
import { seenBy } from '../connector/wired-host.ts'
import { startApache } from './apache-instance.ts'
import { type EximBundle, startExim } from './exim-instance.ts'

/** A host as a bundle sets it up. In its texts `DIR` is the folder that stands for `/`, and `P993` the port that stands for 993. */
export interface Bundle {
  /** PEM files by path, mode 0600. */
  readonly pems: Readonly<Record<string, string>>
  /** Symbolic links by path. */
  readonly links?: Readonly<Record<string, string>>
  /** Settings that are in files of their own, by path. */
  readonly files?: Readonly<Record<string, string>>
  /** Sources of `hash:` tables that `postmap -F` compiles. */
  readonly tables?: readonly string[]
  readonly postfix?: { readonly main: string; readonly master: string }
  readonly dovecot?: string
  readonly nginx?: string
  readonly apache?: string
  readonly exim?: EximBundle
  /** `policy.roots` and the lines of `policy.commands`. */
  readonly roots: readonly string[]
  readonly commands?: readonly string[]
}

/** What a listener shows for a name, `993 tls`, beside what is in the file that the wiring names; SHA-256 of the leaf. */
export interface Sight {
  readonly at: string
  readonly name: string | null
  readonly file: string
  readonly served: string | null
}

/** The bundle's daemons, which run. */
export interface HostAsItIs {
  readonly dir: string
  /** The wiring against openssl(1), which is behind a small relay where the PROXY header is wanted. */
  look(): Promise<readonly Sight[]>
  /** What the wiring cannot tell, a line each: `10993 tls: why`. */
  doubts(): Promise<readonly string[]>
  /** A target of this connector, with neither endpoint nor command. */
  deploy(connector: string, pair: TestPair, target: Readonly<Record<string, unknown>>): Promise<Outcome>
  /** Where the leaf was seen, each once: `993 tls`. */
  provenAt(outcome: Outcome): readonly string[]
  /** The next reload of nginx fails, or no more. */
  breakNginx(isBroken: boolean): Promise<void>
  reload(daemon: 'postfix' | 'dovecot' | 'nginx'): Promise<void>
}

/** Starts what the bundle has, until the end of the test. */
export async function startHost(t: Test, bundle: Bundle): Promise<HostAsItIs> {
  const dir = await makeTemporaryFolder('waxseal-host-')
  t.teardown(() => removeTree(dir))
  const ports = await portsFor(bundle)
  const fill = (text: string): string =>
    text.replaceAll('DIR', dir).replaceAll(/\bP(\d{2,5})\b/g, (_, real: string) => String(ports.get(real)))
  const release = await installedDovecot()
  await writeFiles(dir, bundle, fill, release)
  const instances = [
    ...(bundle.postfix === undefined ? [] : [await startPostfix(t, dir, bundle.postfix, fill)]),
    ...(bundle.dovecot === undefined ? [] : [await startDovecot(t, dir, fill(bundle.dovecot), release)]),
    ...(bundle.nginx === undefined ? [] : [await startNginx(t, dir, fill(bundle.nginx))]),
    ...(bundle.apache === undefined ? [] : [{ connector: await startApache(t, dir, fill(bundle.apache)), config: {} }]),
    ...(bundle.exim === undefined
      ? []
      : [await startExim(t, dir, { ...bundle.exim, settings: fill(bundle.exim.settings) })]),
  ]
  const registry = createRegistry([...instances.map(({ connector }) => connector), anyFiles])
  const roots = bundle.roots.map(fill)
  const engine = { ...(await openTestEngine(dir, (bundle.commands ?? []).map(fill), { roots, dane: 'off' })), registry }
  const real = (port: number): string => [...ports].find(([, free]) => free === port)?.[0] ?? String(port)
  const listeners = async (): Promise<readonly Listener[]> => {
    const view = createHostView(30_000, () => '/nowhere')
    const answers = await Promise.all(instances.map(async ({ connector }) => connector.readWiring?.(view)))
    return answers.flatMap((answer) => {
      if (answer === undefined || isUnwired(answer)) throw new Error(answer?.reason ?? 'no wiring')
      return answer.listeners
    })
  }
  const bare = (await listeners()).filter(({ proxy, doubt }) => proxy === undefined && doubt === undefined)
  await waitForPorts(bare.filter(({ host }) => host === '127.0.0.1'))
  return {
    dir,
    look: async () => {
      const certain = (await listeners()).filter(({ doubt, host }) => doubt === undefined && host !== '::1')
      return (await Promise.all(certain.map((listener) => sightsOf(t, listener, real)))).flat()
    },
    doubts: async () => {
      const doubtful = (await listeners()).filter(({ doubt }) => doubt !== undefined)
      return [...new Set(doubtful.map(({ port, protocol, doubt }) => `${real(port)} ${protocol}: ${doubt}`))]
    },
    deploy: (name, pair, target) =>
      deploy(
        {
          target: name,
          connector: name,
          config: { ...instances.find(({ connector }) => connector.name === name)?.config, ...target },
          certificatePem: pair.certificatePem,
          chainPem: pair.chainPem,
          findKey: async () => pair.keyPem,
        },
        engine,
      ),
    provenAt: ({ probes }) => {
      const proven = probes.filter(({ ok }) => ok)
      return [...new Set(proven.map(({ address, protocol }) => `${real(portOf(address))} ${protocol}`))].toSorted(
        byPort,
      )
    },
    breakNginx: (isBroken) => (isBroken ? writeText(join(dir, 'broken'), '') : removeTree(join(dir, 'broken'))),
    reload: async (daemon) => {
      const instance = instances.find(({ connector }) => connector.name === daemon)
      if (instance?.connector.own !== undefined) await runOrThrow(instance.connector.own.reload)
    },
  }
}

/** What is renewed on a host, where that shows, and what makes a later deployment fail. */
export interface Renewal {
  readonly connector: string
  readonly target: Readonly<Record<string, unknown>>
  readonly pairs: readonly [second: TestPair, third: TestPair]
  /** `993 tls` */
  readonly provenAt: readonly string[]
  readonly warnings?: readonly RegExp[]
  /** Fails the next activation; left out: the reload of nginx. */
  readonly failing?: Readonly<Record<string, unknown>>
}

/**
 * The wiring is what openssl(1) is served; a deployment without endpoints is proven at these ports; one whose activation fails is
 * undone at all of them.
 */
export async function renews(t: Test, host: HostAsItIs, renewal: Renewal): Promise<Outcome> {
  const { connector, target, pairs, provenAt, warnings = [], failing } = renewal
  const [second, third] = pairs

  const before = await host.look()
  const outcome = await host.deploy(connector, second, target)
  const between = await host.look()
  if (failing === undefined) await host.breakNginx(true)
  const undone = await host.deploy(connector, third, { ...target, ...failing })
  await host.breakNginx(false)
  const after = await host.look()

  for (const { at, name, file, served } of [...before, ...between]) t.equal(served, file, `${at} ${name ?? ''}`)
  t.match(outcome, { outcome: 'deployed', host: 'changed', code: null, proven: true }, outcome.message ?? '')
  t.equal(outcome.warnings.length, warnings.length, outcome.warnings.join('\n'))
  t.match(outcome.warnings, warnings)
  t.same(host.provenAt(outcome), provenAt)
  const shown = between.filter(({ served }) => served === second.sha256).map(({ at }) => at)
  t.same([...new Set(shown)].toSorted(byPort), provenAt)
  t.match(undone, { outcome: 'rolled-back', host: 'restored', code: 'ACTIVATE_FAILED' })
  t.same(after, between)
  return outcome
}

/** `25 smtp` before `143 imap`. */
function byPort(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10)
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** A free port for each `P993`. */
async function portsFor({
  postfix: mta,
  dovecot: imap,
  nginx,
  apache,
  exim,
  files = {},
}: Bundle): Promise<ReadonlyMap<string, number>> {
  const texts = [mta?.main, mta?.master, imap, nginx, apache, exim?.settings, ...Object.values(files)].join('\n')
  const real = [...new Set([...texts.matchAll(/\bP(\d{2,5})\b/g)].map(([, port = '']) => port))]
  const free = await freePorts(real.length)
  return new Map(real.map((port, index) => [port, free[index] ?? 0]))
}

async function writeFiles(
  dir: string,
  { pems, links = {}, files = {}, tables = [] }: Bundle,
  fill: (text: string) => string,
  release: DovecotRelease,
): Promise<void> {
  const written = Object.entries(files).map(([path, text]) => [path, spelledFor(release, fill(text))] as const)
  for (const [path, text] of [...Object.entries(pems), ...written]) {
    await makeFolder(dirname(join(dir, path)))
    await writeText(join(dir, path), text, 0o600)
  }
  for (const [path, leadsTo] of Object.entries(links)) {
    await makeFolder(dirname(join(dir, path)))
    await symlink(fill(leadsTo), join(dir, path))
  }
  for (const table of tables) await runOrThrow(['postmap', '-F', `hash:${join(dir, table)}`])
}

interface Instance {
  readonly connector: Connector
  /** What a target of it says to reach this instance. */
  readonly config: Readonly<Record<string, unknown>>
}

async function startPostfix(
  t: Test,
  dir: string,
  { main, master }: NonNullable<Bundle['postfix']>,
  fill: (text: string) => string,
): Promise<Instance> {
  const etc = join(dir, 'etc', 'postfix')
  const account = await resolveUser('postfix')
  for (const folder of [etc, join(dir, 'queue')]) await makeFolder(folder)
  await makeFolder(join(dir, 'data'), account ?? undefined)
  await copyMatching('/etc/postfix', etc, /^(postfix-files.*|post-install|postfix-script|dynamicmaps\.cf.*)$/)
  const around = `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
meta_directory = /etc/postfix
multi_instance_name = postfix-${dir.replaceAll(/[^A-Za-z0-9]/g, '-')}
maillog_file = ${dir}/mail.log
maillog_file_prefixes = ${dir}
mydestination =
alias_maps =
`
  await writeText(join(etc, 'main.cf'), around + fill(main))
  await writeText(join(etc, 'master.cf'), fill(master) + innerServices)
  await runOrThrow(['postfix', '-c', etc, 'start'])
  t.teardown(() => runOrThrow(['postfix', '-c', etc, 'stop']))
  const commands = { check: ['postfix', '-c', etc, 'check'], reload: ['postfix', '-c', etc, 'reload'] } as const
  const connector = ownInstance(postfix, commands, join(dir, 'queue/pid/master.pid'), (view) =>
    readPostfixWiring(view, etc),
  )
  return { connector, config: { daemon_config: etc } }
}

async function startDovecot(t: Test, dir: string, text: string, release: DovecotRelease): Promise<Instance> {
  const file = join(dir, 'etc', 'dovecot', 'dovecot.conf')
  for (const folder of [dirname(file), join(dir, 'run'), join(dir, 'state')]) await makeFolder(folder)
  const around = `base_dir = ${dir}/run
state_dir = ${dir}/state
instance_name = ${dir.replaceAll(/[^A-Za-z0-9]/g, '-')}
log_path = ${dir}/dovecot.log
${accounts(release, `${dir}/home`)}`
  await writeText(file, versionLines(release) + spelledFor(release, around + text))
  await runOrThrow(['dovecot', '-c', file])
  t.teardown(() => runOrThrow(['doveadm', '-c', file, 'stop']))
  const commands = { check: ['doveconf', '-c', file, '-n'], reload: ['doveadm', '-c', file, 'reload'] } as const
  const connector = ownInstance(dovecot, commands, join(dir, 'run/master.pid'), (view) => readDovecotWiring(view, file))
  return { connector, config: { daemon_config: file } }
}

async function startNginx(t: Test, dir: string, text: string): Promise<Instance> {
  const file = join(dir, 'etc', 'nginx', 'nginx.conf')
  const program = join(dir, 'nginx')
  await makeFolder(dirname(file))
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`)
  const around = `user root;\npid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\n`
  await writeText(file, around + text.replace('http {', `http {\naccess_log off;\n${paths.join('\n')}\n`))
  const broken = `[ ! -e ${dir}/broken ] || case "$*" in *reload*) exit 1 ;; esac`
  await writeText(program, `#!/bin/sh\n${broken}\nexec nginx -c ${file} -e ${dir}/error.log "$@"\n`)
  await chmod(program, 0o755)
  await runOrThrow([program])
  t.teardown(() => runOrThrow([program, '-s', 'quit']))
  const commands = { check: [program, '-t'], reload: [program, '-s', 'reload'] } as const
  const connector = ownInstance(nginxOf([program]), commands, join(dir, 'nginx.pid'), (view) =>
    readNginxWiring(view, [program]),
  )
  return { connector, config: {} }
}

async function sightsOf(t: Test, listener: Listener, real: (port: number) => string): Promise<readonly Sight[]> {
  const { port, protocol, servername, files, proxy } = listener
  const socket = proxy === undefined ? listener : { ...listener, ...(await relayTo(t, listener)) }
  const name = servername?.replace(/^\*/, 'any') ?? null
  const seen = files.map(async ({ path, role }): Promise<readonly Sight[]> => {
    const leaf = role === 'key' ? null : leafIn(await readFile(path, 'utf8'))
    if (leaf === null) return []
    const keyType = leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa'
    const file = leaf.fingerprint256.replaceAll(':', '').toLowerCase()
    return [{ at: `${real(port)} ${protocol}`, name, file, served: await seenBy(socket, name, keyType) }]
  })
  return (await Promise.all(seen)).flat()
}

/** Null: there is none, or it is a CA: the chain in a file of its own. */
function leafIn(text: string): X509Certificate | null {
  if (!text.includes('BEGIN CERTIFICATE')) return null
  const certificate = new X509Certificate(text)
  return certificate.ca ? null : certificate
}

/** s_client(1) knows no PROXY header: this writes one before what it says. */
async function relayTo(t: Test, { host, port }: Listener): Promise<{ readonly host: string; readonly port: number }> {
  const relay = createServer((client) => {
    const server = connect(port, host)
    server.write('PROXY TCP4 127.0.0.1 127.0.0.1 40000 25\r\n')
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => relay.close(resolve)))
  const address = relay.address()
  return { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 }
}
