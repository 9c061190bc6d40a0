import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { register } from '../../../src/control-plane/register.ts'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { changeRecords, publisherFor } from '../../../src/dns/publish.ts'
import type { RecordChange } from '../../../src/dns/record-change.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { type Operator, openOperator } from '../../../src/server/client/operator-client.ts'
import { dnsAddress } from '../answering-server.ts'
import { makeAuthority } from '../certificates.ts'
import { type KilledServer, startKilledServer } from '../chaos/killed-server.ts'
import { targetOf } from '../deployment.ts'
import { startProxy } from '../misbehaving-proxy.ts'
import { type DnsWorld, startDnsWorld } from '../named/dns-world.ts'
import { startRelay } from '../named/relay.ts'
import { startWaxseal, type WaxsealProcess } from '../process.ts'
import { removeWhenQuiet } from '../remove-when-quiet.ts'
import { runWaxseal } from '../run-waxseal.ts'
import { type Sender, startSender } from './sender.ts'
import { type KeyWatch, keyDigest, watchKeys } from './watch-keys.ts'

/** A signed zone, its mail host with DANE, a sender that delivers by DANE alone, and Waxseal in processes that can be killed. */
export interface RolloverSite {
  readonly world: DnsWorld
  readonly sender: Sender
  readonly watch: KeyWatch
  readonly server: KilledServer
  readonly operator: Operator
  /** Publishes or removes a record of the mail host, as somebody who has the zone's key. */
  change(change: 'add' | 'remove', key: string): Promise<void>
  /** The agent that runs now. */
  agent(): WaxsealProcess
  /** SIGKILL to the agent and both halves, and a start. */
  killAgent(): Promise<void>
  /** Has a certificate made for the mail host, and renewed after that. */
  renew(): Promise<void>
  /** Of the agent. */
  readonly configFile: string
}

const host = 'mx.example.org'
/** Where the mail host's records are. */
const owner = `_25._tcp.${host}`
const aliasEnd = 'mx.dane.example.net'
/** In seconds: so long a cache may have the old records. */
const ttl = 3

/**
 * Starts all of it, until the end of the test. At the beginning the host serves a pair that Waxseal knows nothing of, with its
 * record; aliased, that is in another zone. `isSeenByHost`: the host looks at its own port 25, and asks the validating resolver for its records.
 */
export async function startRolloverSite(t: Test, isAliased: boolean, isSeenByHost = false): Promise<RolloverSite> {
  const dir = await makeTemporaryFolder('waxseal-dane-')
  t.teardown(() => removeWhenQuiet(dir))
  const mx = { address: dnsAddress().address, port: 25 }
  const alias = isAliased ? [`${owner}. CNAME ${aliasEnd}.`] : []
  const zone = ['@ MX 10 mx', `mx A ${mx.address}`, ...alias]
  const world = await startDnsWorld(t, { 'example.org': zone, 'example.net': [] })
  const recordsAt = isAliased ? aliasEnd : owner
  const change = (kind: 'add' | 'remove', key: string): Promise<void> =>
    changeRecord(world, { change: kind, name: recordsAt, type: 'TLSA', value: `3 1 1 ${key}`, ttl })
  const daemon = await startReceiver(t, join(dir, 'receiver'), (key) => change('add', key))
  await world.transfer()
  const port = daemon.ports[0]?.port ?? 0
  await startRelay(t, mx, { address: '127.0.0.1', port })
  await makeFolder(join(dir, 'sender'))
  const dataDir = join(dir, 'control-plane')
  await writeText(join(dir, 'server.yaml'), JSON.stringify(serverConfig(world)))
  const [sender, server] = await Promise.all([
    startSender(t, join(dir, 'sender'), world.resolver),
    startKilledServer(t, { dataDir, configFile: join(dir, 'server.yaml') }),
  ])
  const watch = watchKeys(world, { owner, recordsAt }, port)
  t.teardown(() => watch.stop())
  const places = {
    get target() {
      return server.url
    },
  }
  const proxy = await startProxy(places, dataDir)
  t.teardown(() => proxy.close())
  const [caPem = '', token = ''] = await Promise.all(
    ['ca.pem', 'operator-token'].map((name) => readFile(join(dataDir, name), 'utf8')),
  )
  const operator = openOperator({ url: proxy.url, caPem, operatorToken: token.trim() })
  t.teardown(() => operator.close())
  const endpoints = isSeenByHost ? { endpoints: [{ endpoint: `${mx.address}:25`, protocol: 'smtp' }] } : {}
  const enrolled = await enroll(operator, { url: proxy.url, ca: caPem }, { ...targetOf(daemon), ...endpoints })
  const more = isSeenByHost ? { resolvers: [world.resolver.address] } : {}
  await writeAgentConfig(dir, dataDir, proxy.url, enrolled, daemon, more)
  const start = (): WaxsealProcess => startWaxseal(['agent', '--config', join(dir, 'waxseal.yaml')])
  let agent = start()
  t.teardown(async () => {
    agent.killAll()
    await agent.exited
  })
  const on = await runWaxseal([
    'control-plane',
    'dane',
    'postfix',
    '--rollover',
    '--record',
    owner,
    '--data-dir',
    dataDir,
  ])
  if (on.status !== 0) throw new Error(on.stderr)
  let certificateId: string | null = null
  return {
    world,
    sender,
    watch,
    server,
    operator,
    change,
    configFile: join(dir, 'waxseal.yaml'),
    agent: () => agent,
    killAgent: async () => {
      agent.killAll()
      await agent.exited
      agent = start()
    },
    renew: async () => {
      if (certificateId !== null) {
        await operator.renew(certificateId)
        return
      }
      const wanted = { agent_id: enrolled.agentId, common_name: host, deploy_to: [enrolled.targetId] }
      certificateId = (await operator.requestCertificate(wanted)).certificate_id
    },
  }
}

/** One file for key and certificate: no smtpd(8) is born between the two. */
async function startReceiver(t: Test, dir: string, publish: (key: string) => Promise<void>): Promise<Daemon> {
  const pair = await (await makeAuthority()).issue({ names: [host] })
  await makeFolder(dir)
  const file = join(dir, 'tls', 'pair.pem')
  const daemon = await startPostfix(
    dir,
    pair,
    { certPath: file, keyPath: file },
    {
      main: `myhostname = ${host}\nvirtual_mailbox_domains = example.org\nvirtual_mailbox_maps = static:all\nvirtual_transport = discard:\n`,
      master: 'discard unix - - n - - discard\n',
    },
  )
  t.teardown(() => daemon.stop())
  await publish(keyDigest(pair.certificatePem))
  return daemon
}

async function changeRecord({ publishers }: DnsWorld, change: RecordChange): Promise<void> {
  const publisher = publisherFor(change.name, publishers)
  if (publisher === null) throw new Error(`nobody publishes ${change.name}`)
  await changeRecords([change], publisher)
}

function serverConfig({ publishers, resolver }: DnsWorld): object {
  return {
    dns: publishers.map(({ zone, nsupdate: { server, port, keyFile } }) => ({
      zone,
      nsupdate: { server, port, key_file: keyFile },
    })),
    resolvers: [resolver.address],
  }
}

interface Enrolled {
  readonly agentId: string
  readonly credential: string
  readonly targetId: string
}

async function enroll(
  operator: Operator,
  endpoint: { readonly url: string; readonly ca: string },
  config: object,
): Promise<Enrolled> {
  const { agentId, credential } = await register(
    { ...endpoint, credential: await operator.createToken() },
    'mx',
    hostFacts('0.0.0'),
  )
  const target = { name: 'postfix', agent_id: agentId, type: 'Postfix', config }
  return { agentId, credential: credential ?? '', targetId: await operator.addTarget(target) }
}

async function writeAgentConfig(
  dir: string,
  dataDir: string,
  url: string,
  { agentId, credential }: Enrolled,
  { check, reload }: Daemon,
  policy: object,
): Promise<void> {
  await writeText(join(dir, 'credential'), credential, 0o600)
  const config = {
    control_plane: {
      url,
      ca_file: join(dataDir, 'ca.pem'),
      agent_id: agentId,
      credential_file: join(dir, 'credential'),
    },
    state_dir: join(dir, 'state'),
    poll_interval: '200ms',
    heartbeat_interval: '500ms',
    drift_watch: 'off',
    policy: { roots: [dir], commands: [check.join(' '), reload.join(' ')], ...policy },
  }
  await writeText(join(dir, 'waxseal.yaml'), JSON.stringify(config))
}
