import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { apache } from '../../../src/connector/apache/apache.ts'
import { haproxy } from '../../../src/connector/haproxy/haproxy.ts'
import { nginx, nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import { isUnwired } from '../../../src/connector/wiring/wiring.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { openEngine } from '../../../src/deployer/open-engine.ts'
import { findWiring } from '../../../src/examine/examine-wiring.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { servedLeaf } from '../../support/served-leaf.ts'
import {
  type StartWebDaemon,
  startApache,
  startHaproxy,
  startNginx,
  type WebDaemon,
} from '../../support/web-daemons.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['www.example.net'] })

const daemons = [
  {
    connector: nginx,
    start: startNginx,
    file: 'nginx.conf',
    program: ['nginx', '-c'],
    check: ['-t'],
    reload: ['-s', 'reload'],
  },
  {
    connector: apache,
    start: startApache,
    file: 'httpd.conf',
    program: ['apache2ctl', '-f'],
    check: ['-t'],
    reload: ['-k', 'graceful'],
  },
] as const

for (const { connector, start, file, program, check, reload } of daemons) {
  const skip = unlessInstalled(connector === nginx ? 'nginx' : 'apache2')

  t.test(
    `${connector.name}: a job for an instance of the configuration reaches that one alone`,
    { skip },
    async (t) => {
      const host = await openHost(t, { one: start, two: start })
      const engine = await engineFor(host, {
        one: { connector: connector.name, config: join(host.dir, 'one', file) },
        two: { connector: connector.name, config: join(host.dir, 'two', file) },
      })
      const [before, next] = [host.first.sha256, await issue()]

      const outcome = await job(engine, connector.name, { instance: 'two', ...pairOf(host, 'two') }, next)

      t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] })
      const own = [...program, join(host.dir, 'two', file)]
      t.same(commandsOf(outcome), [
        [...own, ...check],
        [...own, ...check],
        [...own, ...reload],
      ])
      t.same(await leavesOf(host), { one: before, two: next.sha256 })
      t.match(await job(engine, connector.name, { instance: 'three' }, next), { code: 'INSTANCE_NOT_ALLOWED' })
    },
  )

  t.test(
    `${connector.name}: an instance that reads the pair of another is reloaded and proven with it`,
    { skip },
    async (t) => {
      const host = await openHost(t, { one: start, two: start })
      const two = [...program, join(host.dir, 'two', file)] as const
      await replaceIn(
        join(host.dir, 'two', file),
        ['cert.pem', 'key.pem'].map((name) => [join(host.dir, 'two', name), join(host.dir, 'one', name)] as const),
      )
      await runOrThrow([...two, ...reload])
      const engine = await engineFor(host, {
        one: { connector: connector.name, config: join(host.dir, 'one', file) },
        two: { connector: connector.name, config: join(host.dir, 'two', file) },
      })
      const next = await issue()

      const outcome = await job(engine, connector.name, { instance: 'one', ...pairOf(host, 'one') }, next)

      t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] })
      t.same(await leavesOf(host), { one: next.sha256, two: next.sha256 })
      t.ok(commandsOf(outcome).some((command) => command.join(' ') === [...two, ...reload].join(' ')))
    },
  )

  t.test(`${connector.name}: check asks the instances of the configuration for their wiring`, { skip }, async (t) => {
    const host = await openHost(t, { one: start })
    const engine = await engineFor(host, { one: { connector: connector.name, config: join(host.dir, 'one', file) } })

    const asked = await findWiring(engine)

    const found = asked.find((one) => one.connector === `${connector.name}, instance one`)?.found
    if (found === undefined || isUnwired(found)) throw new Error('it is not asked for its listeners')
    t.match(found.listeners, [
      { port: host.daemons['one']?.port, files: [{ path: host.daemons['one']?.files[0] }, {}] },
    ])
  })
}

t.test(
  'a HAProxy instance that reads the PEM of an nginx instance is reloaded by its master socket',
  { skip: unlessInstalled('nginx', 'haproxy') },
  async (t) => {
    const host = await openHost(t, { web: startNginx, edge: startHaproxy('master_socket') })
    const pem = host.daemons['edge']?.files[0] ?? ''
    await chmod(pem, 0o600)
    await replaceIn(join(host.dir, 'web', 'nginx.conf'), [
      [join(host.dir, 'web', 'cert.pem'), pem],
      [join(host.dir, 'web', 'key.pem'), pem],
    ])
    await runOrThrow(['nginx', '-c', join(host.dir, 'web', 'nginx.conf'), '-s', 'reload'])
    const engine = await engineFor(host, {
      web: { connector: 'nginx', config: join(host.dir, 'web', 'nginx.conf') },
      edge: {
        connector: 'haproxy',
        config: join(host.dir, 'edge', 'haproxy.cfg'),
        master_socket: join(host.dir, 'edge', 'master.sock'),
      },
    })
    const next = await issue()

    const outcome = await job(engine, 'nginx', { instance: 'web', cert_path: pem, key_path: pem }, next)

    t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] })
    t.same(await leavesOf(host), { web: next.sha256, edge: next.sha256 })
  },
)

t.test(
  'an nginx whose pid file is elsewhere is found by its process, and reloaded with the pair that it reads, too',
  { skip: unlessInstalled('nginx', 'apache2') },
  async (t) => {
    const host = await openHost(t, { web: startNginx, one: startApache })
    const config = join(host.dir, 'web', 'nginx.conf')
    await replaceIn(
      config,
      ['cert.pem', 'key.pem'].map((name) => [join(host.dir, 'web', name), join(host.dir, 'one', name)] as const),
    )
    await runOrThrow(['nginx', '-c', config, '-s', 'reload'])
    const instances = { one: { connector: 'apache', config: join(host.dir, 'one', 'httpd.conf') } }
    const engine = await engineFor(host, instances)
    const signs = { pidFiles: ['/run/nowhere.pid'], units: [], process: 'nginx' }
    const registry = createRegistry([nginxOf(['nginx', '-c', config], signs), apache])
    const next = await issue()

    const outcome = await job({ ...engine, registry }, 'apache', { instance: 'one', ...pairOf(host, 'one') }, next)

    t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] })
    t.same(await leavesOf(host), { web: next.sha256, one: next.sha256 })
  },
)

interface Host {
  readonly dir: string
  readonly first: TestPair
  readonly daemons: Readonly<Record<string, WebDaemon>>
}

/** Each in a folder of its own, by its name. */
async function openHost(t: Test, starts: Readonly<Record<string, StartWebDaemon>>): Promise<Host> {
  const dir = await makeTemporaryFolder('waxseal-instances-')
  t.teardown(() => removeWhenQuiet(dir))
  // Their workers are other users.
  await chmod(dir, 0o755)
  const first = await issue()
  const daemons: Record<string, WebDaemon> = {}
  for (const [name, start] of Object.entries(starts)) {
    await makeFolder(join(dir, name))
    const daemon = await start(join(dir, name), first)
    t.teardown(() => daemon.stop())
    daemons[name] = daemon
  }
  return { dir, first, daemons }
}

async function engineFor({ dir }: Host, instances: object): Promise<Engine> {
  const config = {
    state_dir: join(dir, 'state'),
    policy: { roots: [dir], folders: { [dir]: 0 }, dane: 'off' },
    instances,
  }
  const file = join(dir, 'waxseal.yaml')
  await writeText(file, JSON.stringify(config))
  const engine = await openEngine(await loadConfig({ file, env: {} }), systemClock)
  return {
    ...engine,
    instances: engine.instances,
    policy: engine.policy,
    registry: createRegistry([nginx, apache, haproxy]),
  }
}

function job(engine: Engine, connector: string, config: object, pair: TestPair): Promise<Outcome> {
  const { certificatePem, chainPem, keyPem } = pair
  const target = JSON.stringify(config).replaceAll(/\W+/g, '-').slice(-40)
  return deploy(
    { job: 'job-1', target, connector, config, certificatePem, chainPem, findKey: async () => keyPem },
    engine,
  )
}

/** Settings with other paths in them. */
async function replaceIn(file: string, pairs: readonly (readonly [string, string])[]): Promise<void> {
  const text = await readFile(file, 'utf8')
  await writeFile(
    file,
    pairs.reduce((changed, [from, to]) => changed.replaceAll(from, to), text),
  )
}

function pairOf({ dir }: Host, name: string): object {
  return { cert_path: join(dir, name, 'cert.pem'), key_path: join(dir, name, 'key.pem') }
}

async function leavesOf({ daemons: all }: Host): Promise<Record<string, string | null>> {
  const leaves = Object.entries(all).map(
    async ([name, { port }]) => [name, await servedLeaf({ port, protocol: 'tls' })] as const,
  )
  return Object.fromEntries(await Promise.all(leaves))
}

function commandsOf({ steps }: Outcome): readonly (readonly string[])[] {
  return steps.flatMap(({ commands }) => commands.map(({ command }) => command))
}
