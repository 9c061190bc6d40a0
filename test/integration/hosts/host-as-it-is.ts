import { symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { files as anyFiles } from '../../../src/connector/files/files.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import { isUnwired, type Listener } from '../../../src/connector/wiring/wiring.ts'
import { runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { type DovecotRelease, installedDovecot, spelledFor } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import {
  freePorts,
  makeFolder,
  makeTemporaryFolder,
  removeTree,
  writeText,
} from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { startApache } from './apache-instance.ts'
import { startDovecot } from './dovecot-instance.ts'
import { type EximBundle, startExim } from './exim-instance.ts'
import type { Instance } from './instance.ts'
import { startNginx } from './nginx-instance.ts'
import { startPostfix } from './postfix-instance.ts'
import { type Sight, sightsOf } from './sights.ts'

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
  t.teardown(() => removeWhenQuiet(dir))
  const ports = await portsFor(bundle)
  const fill = (text: string): string =>
    text.replaceAll('DIR', dir).replaceAll(/\bP(\d{2,5})\b/g, (_, real: string) => String(ports.get(real)))
  const release = await installedDovecot()
  await writeFiles(dir, bundle, fill, release)
  const instances = await startAll(t, dir, bundle, fill, release)
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

/** Starts the daemons that the bundle has. */
async function startAll(
  t: Test,
  dir: string,
  { postfix, dovecot, nginx, apache, exim }: Bundle,
  fill: (text: string) => string,
  release: DovecotRelease,
): Promise<readonly Instance[]> {
  const instances: Instance[] = []
  if (postfix !== undefined)
    instances.push(await startPostfix(t, dir, { main: fill(postfix.main), master: fill(postfix.master) }))
  if (dovecot !== undefined) instances.push(await startDovecot(t, dir, fill(dovecot), release))
  if (nginx !== undefined) instances.push(await startNginx(t, dir, fill(nginx)))
  if (apache !== undefined) instances.push(await startApache(t, dir, fill(apache)))
  if (exim !== undefined) instances.push(await startExim(t, dir, { ...exim, settings: fill(exim.settings) }))
  return instances
}

/** `25 smtp` before `143 imap`. */
export function byPort(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10)
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** A free port for each `P993`. */
async function portsFor({
  postfix,
  dovecot,
  nginx,
  apache,
  exim,
  files = {},
}: Bundle): Promise<ReadonlyMap<string, number>> {
  const texts = [postfix?.main, postfix?.master, dovecot, nginx, apache, exim?.settings, ...Object.values(files)].join(
    '\n',
  )
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
