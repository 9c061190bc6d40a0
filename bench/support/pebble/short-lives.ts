import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { openAccess } from '../../../src/cli/operator/open-access.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import type { Operator } from '../../../src/server/client/operator-client.ts'
import type { Pebble } from '../../../test/integration/pebble.ts'
import { startBothHalves } from '../../../test/support/both-halves.ts'
import { makeAuthority } from '../../../test/support/certificates.ts'
import type { DnsWorld } from '../../../test/support/named/dns-world.ts'
import { startWaxseal, type WaxsealProcess } from '../../../test/support/process.ts'
import { startNginx } from '../../../test/support/web-daemons.ts'

/** One host: its name, and where its daemon listens. */
export interface ShortLivedHost {
  readonly name: string
  readonly port: number
}

/** A control plane in a process of its own, and hosts whose agents run here. */
export interface ShortLives {
  readonly operator: Operator
  readonly hosts: readonly ShortLivedHost[]
  /** What the control plane said that was wrong. */
  readonly errors: readonly string[]
  /** Kills the control plane, and starts it again. */
  kill(): Promise<void>
}

interface Wanted {
  readonly names: readonly string[]
  readonly lifeS: number
  readonly pebble: Pebble
  readonly world: DnsWorld
  /** `ADDRESS:PORT`. */
  readonly resolver: string
}

const dayS = 86_400
const transferEveryMs = 2000
/** A host makes 20 keys of a certificate in a day (`keysPerCertificate`): of six minutes an hour takes 18 of them at this share, 23 at half. */
const renewShare = 0.65

/** Starts it below `dir`; resolves when every host serves a certificate of the CA. `onStarted` is given what ends each part. */
export async function openShortLives(
  dir: string,
  { names, lifeS, pebble, world, resolver }: Wanted,
  onStarted: (end: () => unknown) => unknown,
): Promise<ShortLives> {
  onStarted(keepTransferring(world))
  const [primary] = world.publishers
  const { server, port } = primary.nsupdate
  const config = {
    dns: [{ zone: 'example.net', nsupdate: { server, port, key_file: world.keyFile } }],
    resolvers: [resolver],
    issuers: { pebble: { acme: pebble.url, ca_file: pebble.caFile, accept_terms: true } },
    issuer_order: ['pebble'],
  }
  const dataDir = join(dir, 'control-plane')
  const file = join(dir, 'control-plane.yaml')
  await writeText(file, JSON.stringify(config))
  let plane = await serve(dataDir, file, '127.0.0.1:0')
  onStarted(async () => {
    plane.kill('SIGTERM')
    await plane.exited
  })
  const url = (await readFile(join(dataDir, 'url'), 'utf8')).trim()
  const operator = await openAccess({ dataDir })
  onStarted(() => operator.close())
  const place: Place = { dir, url, ca: await readFile(join(dataDir, 'ca.pem'), 'utf8'), operator, lifeS }
  const hosts: ShortLivedHost[] = []
  for (const name of names) hosts.push(await addHost(place, name, onStarted))
  const errors: string[] = []
  return {
    operator,
    hosts,
    errors,
    kill: async () => {
      plane.kill('SIGKILL')
      await plane.exited
      plane = await serve(dataDir, file, new URL(url).host)
    },
  }
}

async function serve(dataDir: string, config: string, listen: string): Promise<WaxsealProcess> {
  const options = ['--data-dir', dataDir, '--listen', listen, '--config', config]
  const server = startWaxseal(['control-plane', 'serve', ...options])
  await server.waitFor(({ text }) => String(text).startsWith('The control plane listens'))
  return server
}

/** Its secondary is one that is seconds late. Returns what ends it. */
function keepTransferring(world: DnsWorld): () => Promise<void> {
  const ending = new AbortController()
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await world.transfer()
      await delay(transferEveryMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const running = run()
  return async () => {
    ending.abort()
    await running
  }
}

interface Place {
  readonly dir: string
  readonly url: string
  readonly ca: string
  readonly operator: Operator
  readonly lifeS: number
}

/** An nginx, an agent of both halves, a target, and a certificate that is asked for. */
async function addHost(
  { dir, url, ca, operator, lifeS }: Place,
  name: string,
  onStarted: (end: () => unknown) => unknown,
): Promise<ShortLivedHost> {
  const own = join(dir, name)
  await makeFolder(own)
  const commonName = `${name}.example.net`
  const nginx = await startNginx(own, await (await makeAuthority()).issue({ names: [commonName] }))
  onStarted(() => nginx.stop())
  const registered = await register({ url, ca, credential: await operator.createToken() }, name, hostFacts('0.0.0'))
  const { agentId, credential } = registered
  const file = join(own, 'waxseal.yaml')
  const policy = { roots: [own], commands: nginx.commands, dane: 'off' }
  await writeText(file, JSON.stringify({ state_dir: join(own, 'state'), policy }))
  const controlPlane = openControlPlane({ url, ca, agentId, credential: credential ?? '' })
  onStarted(() => controlPlane.close())
  const halves = await startBothHalves({
    config: await loadConfig({ file, env: {} }),
    controlPlane,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    pollIntervalMs: 5000,
    pollWaitMs: 10_000,
    heartbeatIntervalMs: 20_000,
  })
  onStarted(() => halves.stop())
  const target = { name: `nginx-${name}`, agent_id: agentId, type: 'NGINX' }
  const targetId = await operator.addTarget({ ...target, config: nginx.target })
  const life = { validity_days: lifeS / dayS, renew_share: renewShare }
  await operator.requestCertificate({ agent_id: agentId, common_name: commonName, deploy_to: [targetId], ...life })
  return { name, port: nginx.port }
}
