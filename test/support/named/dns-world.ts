import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import type { Test } from 'tap'
import { askDns } from '../../../src/dns/ask.ts'
import { type Publisher } from '../../../src/dns/publish.ts'
import { recordsOf } from '../../../src/dns/record.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { askByUdp, type DnsServer } from '../../../src/host/socket/dns-exchange.ts'
import { dnsAddress } from '../answering-server.ts'
import { until } from '../until.ts'
import { type Named, type NamedFiles, startNamed } from './named.ts'
import { type Relay, startRelay } from './relay.ts'

/** A DNS of our own, from the root down: nobody outside is asked. */
export interface DnsWorld {
  /** Validates with the keys of the zones, on loopback. */
  readonly resolver: DnsServer
  readonly primary: DnsServer
  readonly secondary: DnsServer
  /** By `nsupdate`, with the zones' TSIG key. */
  readonly publishers: readonly [OwnPublisher, ...OwnPublisher[]]
  readonly keyFile: string
  /** Has the secondary fetch the zones from the primary: it never does by itself. Resolves when it has them. */
  transfer(): Promise<void>
  /** From now on it gives no answer. */
  cutSecondary(): void
}

type OwnPublisher = Extract<Publisher, { nsupdate: unknown }>

/** Zones by name; each line is a record below `$ORIGIN ZONE`, with a TTL of two seconds where it has none. */
export type Zones = Readonly<Record<string, readonly string[]>>

/**
 * Starts BIND four times, until the end of the test: the root with `org` and `net`, a primary that signs and takes updates, a secondary that
 * is slow for ever (`transfer`), and a validating resolver. Zones are below `org` or `net`.
 */
export async function startDnsWorld(t: Pick<Test, 'teardown'>, zones: Zones): Promise<DnsWorld> {
  const dir = await makeTemporaryFolder('waxseal-test-')
  const running: Named[] = []
  t.teardown(async () => {
    await Promise.all(running.map((named) => named.stop()))
    await removeTree(dir)
  })
  const [root, primary, secondary, resolver] = await Promise.all([placeFor(t), placeFor(t), placeFor(t), placeFor(t)])
  const start = async (name: string, { own }: Place, files: NamedFiles): Promise<Named> => {
    const named = await startNamed(join(dir, name), own.port, files)
    running.push(named)
    return named
  }
  const names = Object.keys(zones)
  const keyFile = join(dir, 'tsig.key')
  const key = `key "updates" { algorithm hmac-sha256; secret "${randomBytes(32).toString('base64')}"; };\n`
  await writeText(keyFile, key, 0o600)
  await Promise.all([
    start('root', root, rootFiles(root, primary, secondary, names)),
    start('primary', primary, primaryFiles(zones, key, primary, secondary)),
  ])
  const anchors = await Promise.all(names.map((zone) => anchorOf(zone, primary)))
  await Promise.all([
    start('secondary', secondary, secondaryFiles(names, primary.own)),
    start('resolver', resolver, resolverFiles(root, anchors)),
  ])
  const transfer = (): Promise<void> => transferAll(names, primary, secondary)
  await transfer()
  const nsupdate = { server: primary.own.address, port: primary.own.port, keyFile }
  return {
    resolver,
    primary,
    secondary,
    keyFile,
    publishers: names.map((zone) => ({ zone, nsupdate })) as unknown as DnsWorld['publishers'],
    transfer,
    cutSecondary: secondary.relay.cut,
  }
}

/** Where a named is: at an address that the world knows, and behind that. */
interface Place extends DnsServer {
  readonly own: DnsServer
  readonly relay: Relay
}

async function placeFor(t: Pick<Test, 'teardown'>): Promise<Place> {
  const [port = 0] = await freePorts(1)
  const [known, own] = [dnsAddress(), { address: '127.0.0.1', port }]
  return { ...known, own, relay: await startRelay(t, known, own) }
}

const soa = (zone: string, ns: string): string =>
  `$TTL 2\n${zone}. IN SOA ${ns}. hostmaster.${ns}. 1 3600 600 86400 2\n`

/** The TLDs are zones of the root's own server, as where one company serves both. */
function rootFiles(root: DnsServer, primary: DnsServer, secondary: DnsServer, names: readonly string[]) {
  const tlds = ['org', 'net']
  const zoneFiles = tlds.map((tld) => {
    const below = names.filter((name) => name.endsWith(`.${tld}`))
    const lines = below.map(
      (zone) =>
        `${zone}. NS ns1.${zone}.\n${zone}. NS ns2.${zone}.\nns1.${zone}. A ${primary.address}\nns2.${zone}. A ${secondary.address}\n`,
    )
    return [`${tld}.zone`, `${soa(tld, 'a.root')}${tld}. NS a.root.\n${lines.join('')}`] as const
  })
  const ownZone = `${soa('', 'a.root')}. NS a.root.\na.root. A ${root.address}\n${tlds.map((tld) => `${tld}. NS a.root.\n`).join('')}`
  return {
    options: 'recursion no; dnssec-validation no;',
    more: [['.', 'root.zone'], ...tlds.map((tld) => [tld, `${tld}.zone`])]
      .map(([zone, file]) => `zone "${zone}" { type primary; file "${file}"; };\n`)
      .join(''),
    files: { 'root.zone': ownZone, ...Object.fromEntries(zoneFiles) },
  }
}

function primaryFiles(zones: Zones, key: string, primary: DnsServer, secondary: DnsServer) {
  const fileOf = (zone: string, lines: readonly string[]): string =>
    `${soa(zone, `ns1.${zone}`)}$ORIGIN ${zone}.\n@ NS ns1\n@ NS ns2\nns1 A ${primary.address}\nns2 A ${secondary.address}\n${lines.join('\n')}\n`
  return {
    options: 'recursion no; dnssec-validation no; allow-transfer { 127.0.0.0/8; };',
    more: `${key}${Object.keys(zones)
      .map(
        (zone) =>
          `zone "${zone}" { type primary; file "${zone}.zone"; dnssec-policy default; allow-update { key updates; }; };\n`,
      )
      .join('')}`,
    files: Object.fromEntries(Object.entries(zones).map(([zone, lines]) => [`${zone}.zone`, fileOf(zone, lines)])),
  }
}

function secondaryFiles(names: readonly string[], primary: DnsServer) {
  return {
    options: 'recursion no; dnssec-validation no; allow-notify { 127.0.0.0/8; };',
    more: names
      .map(
        (zone) =>
          `zone "${zone}" { type secondary; file "${zone}.copy"; primaries { ${primary.address} port ${primary.port}; }; };\n`,
      )
      .join(''),
    files: {},
  }
}

function resolverFiles(root: DnsServer, anchors: readonly string[]) {
  return {
    options:
      'recursion yes; allow-recursion { 127.0.0.0/8; }; dnssec-validation yes; max-ncache-ttl 2; prefetch 0; resolver-query-timeout 30000;',
    more: `zone "." { type hint; file "hints"; };\ntrust-anchors { ${anchors.join(' ')} };\n`,
    files: { hints: `. 60 IN NS a.root.\na.root. 60 IN A ${root.address}\n` },
  }
}

/** A line of `trust-anchors`, when the zone is signed. */
async function anchorOf(zone: string, primary: DnsServer): Promise<string> {
  let anchor = ''
  await until(async () => {
    const question = encode({
      type: 'query',
      id: 1,
      flags: RECURSION_DESIRED,
      questions: [{ type: 'DNSKEY', name: zone }],
    })
    const { answers = [] } = decode(await askByUdp(primary, question, () => true, 2000))
    const keys = answers.flatMap((answer) => (answer.type === 'DNSKEY' ? [answer.data] : []))
    const key = keys.find(({ flags }) => flags === 257)
    if (key !== undefined) anchor = `"${zone}." static-key 257 3 ${key.algorithm} "${key.key.toString('base64')}";`
    return key !== undefined
  })
  return anchor
}

/**
 * By a NOTIFY as the primary would send it: one for each serial, for BIND asks once more, later, where another one comes while it fetches. What it
 * has none of yet it fetches by itself.
 */
async function transferAll(names: readonly string[], primary: DnsServer, secondary: DnsServer): Promise<void> {
  for (const zone of names) {
    let told: number | null = null
    await until(async () => {
      const [wanted, there] = await Promise.all([serialAt(zone, primary), serialAt(zone, secondary)])
      if (wanted === null || there === null) return false
      if (wanted === there) return true
      if (wanted !== told) notify(zone, secondary)
      told = wanted
      return false
    })
  }
}

async function serialAt(zone: string, server: DnsServer): Promise<number | null> {
  const answer = await askDns({ name: zone, type: 'SOA' }, [server], { isRecursive: false })
  return 'failed' in answer ? null : (recordsOf('SOA', answer.answers)[0]?.data.serial ?? null)
}

const notifyOpcode = 4 << 11

function notify(zone: string, { address, port }: DnsServer): void {
  const socket = createSocket('udp4')
  const bytes = encode({
    type: 'query',
    id: 1,
    flags: notifyOpcode | AUTHORITATIVE_ANSWER,
    questions: [{ type: 'SOA', name: zone }],
  })
  socket.send(bytes, port, address, () => socket.close())
}
