import { join } from 'node:path'
import type { WrittenConfig } from '../../src/config/resolve-config.ts'
import { runOrThrow } from '../../src/demo/mail-host/daemon.ts'
import { pairPathsIn, startPostfix } from '../../src/demo/mail-host/postfix-instance.ts'
import { makeFolder, writeText } from '../../src/host/file/plain-files.ts'
import { readBounded } from '../../src/host/file/read-bounded.ts'
import type { TestAuthority } from '../../test/support/certificates.ts'
import { issueAll, startNginxSites } from '../../test/support/nginx-sites.ts'
import { startBenchPlace } from './bench-site.ts'
import { type Spread, spreadOf } from './figures.ts'
import type { Lap } from './lap.ts'

/** One daemon with a pair for each name. */
interface ManyNames {
  /** As the operator adds it, one per name. */
  readonly targets: readonly { readonly name: string; readonly type: string; readonly config: object }[]
  /** What an agent has to be allowed. */
  readonly commands: readonly string[]
  /** The daemon, as the host's configuration names it. */
  readonly instances: Exclude<WrittenConfig['instances'], undefined>
  /** How often the daemon was reloaded so far. */
  reloads(): Promise<number>
}

/** What the renewals of all names of one daemon took, against one of them. */
export interface RenewalFigures {
  readonly daemon: string
  /** From the last answer to a request for a certificate to the last proof, of all names. */
  readonly all: Spread
  /** From claimed to verified, of one name. */
  readonly one: Spread
  /** Median of the ratios of each round. */
  readonly ratio: number
  /** In each round, of all names. */
  readonly reloads: readonly number[]
}

type OnStarted = (undo: () => Promise<void>) => void

const singles = 3

/** The whole path: requested, signed, fetched, deployed, proven. By turns all names at once and single ones. */
export async function measureRenewals(
  daemon: 'postfix' | 'nginx',
  names: readonly string[],
  about: {
    readonly dir: string
    readonly authority: TestAuthority
    readonly rounds: number
    readonly onStarted: OnStarted
  },
): Promise<RenewalFigures> {
  const { dir, authority, rounds, onStarted } = about
  await makeFolder(dir)
  const start = daemon === 'postfix' ? startManyPostfix : startManyNginx
  const host = await start(dir, authority, names, onStarted)
  // No DNS server is measured: these names have no records anywhere.
  const { operator, agent, agentId } = await startBenchPlace(dir, host.commands, onStarted, {
    policy: { dane: 'off' },
    instances: host.instances,
  })
  const targets: (readonly [string, string])[] = []
  for (const target of host.targets)
    targets.push([target.name, await operator.addTarget({ agent_id: agentId, ...target })])
  const renew = async (some: typeof targets): Promise<Lap> => {
    for (const [name, target] of some)
      await operator.requestCertificate({ agent_id: agentId, common_name: name, sans: [name], deploy_to: [target] })
    // A status and a verification of each.
    return agent.renewal(some.length * 2)
  }
  const measured: { readonly all: number; readonly one: number; readonly reloads: number }[] = []
  for (let round = -1; round < rounds; round += 1) {
    const one: number[] = []
    for (let index = 0; index < singles; index += 1) {
      const lap = await renew(targets.slice(index, index + 1))
      one.push(verifiedAt(lap) - lap.certificateAsked)
    }
    const before = await host.reloads()
    const lap = await renew(targets)
    const reloads = (await host.reloads()) - before
    if (round < 0) continue
    measured.push({ all: verifiedAt(lap) - lap.requestAnswered, one: spreadOf(one).medianMs, reloads })
  }
  return {
    daemon,
    all: spreadOf(measured.map(({ all }) => all)),
    one: spreadOf(measured.map(({ one }) => one)),
    ratio: spreadOf(measured.map(({ all, one }) => all / one)).medianMs,
    reloads: measured.map(({ reloads }) => reloads),
  }
}

function verifiedAt({ ends }: Lap): number {
  const end = ends.get('verify')
  if (end === undefined) throw new Error('nothing was verified')
  return end
}

/** A table with a pair for each name, which all listeners of one instance read: its targets leave everything to the settings. */
async function startManyPostfix(
  dir: string,
  authority: TestAuthority,
  names: readonly string[],
  onStarted: OnStarted,
): Promise<ManyNames> {
  const pairs = await issueAll(authority, ['mail.example.net', ...names])
  const pathOf = (name: string): string => join(dir, 'pairs', `${name}.pem`)
  await makeFolder(join(dir, 'pairs'))
  for (const [name, { keyPem, certificatePem, chainPem }] of pairs)
    await writeText(pathOf(name), keyPem + certificatePem + chainPem, 0o600)
  const table = join(dir, 'sni')
  await writeText(table, names.map((name) => `${name} ${pathOf(name)}\n`).join(''), 0o600)
  await runOrThrow(['postmap', '-F', `hash:${table}`])
  const [first] = pairs.values()
  if (first === undefined) throw new Error('it has a pair')
  const settings = { main: `tls_server_sni_maps = hash:${table}\n` }
  const daemon = await startPostfix(dir, first, pairPathsIn(dir), settings)
  onStarted(() => daemon.stop())
  const config = join(dir, 'etc')
  return {
    targets: names.map((name) => ({
      name,
      type: 'Postfix',
      config: { cert_path: pathOf(name), key_path: pathOf(name), daemon_config: config },
    })),
    instances: { bench: { connector: 'postfix', config } },
    commands: [daemon.check.join(' '), daemon.reload.join(' '), `postmap -c ${config} -F hash:${table}`],
    reloads: async () => {
      const log = Buffer.from((await readBounded(join(dir, 'mail.log'), 100_000_000)) ?? []).toString('latin1')
      return log.split('\n').filter((line) => /master\[\d+\]: reload -- /.test(line)).length
    },
  }
}

async function startManyNginx(
  dir: string,
  authority: TestAuthority,
  names: readonly string[],
  onStarted: OnStarted,
): Promise<ManyNames> {
  const host = await startNginxSites(dir, await issueAll(authority, names))
  onStarted(() => host.stop())
  return { ...host, instances: {}, reloads: async () => (await host.counts()).reload }
}
