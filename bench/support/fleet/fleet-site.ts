import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts, makeFolder } from '../../../src/host/file/plain-files.ts'
import { type Operator, openOperator } from '../../../src/server/client/operator-client.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { Postgres } from '../../../test/support/postgres.ts'
import { addBenchAgents, type BenchPlace, type BenchServer, startBenchServer } from '../bench-server.ts'
import { addHistory } from '../poll-histories.ts'
import { type Use, useOf } from './process-use.ts'

/** What the control plane of a bench runs on. */
export type FleetStore = 'sqlite' | 'postgres' | 'two replicas'

/** A control plane with a fleet in its database, and none of it running yet but the servers. */
export interface FleetSite {
  readonly urls: readonly string[]
  readonly caFile: string
  readonly dir: string
  /** Servers and database together. */
  use(): Promise<Use>
  /** Several, for each has its limit. */
  readonly operators: readonly Operator[]
  /** All at once, with what they have under way. */
  kill(): Promise<void>
  /** Where they were. */
  start(): Promise<void>
  close(): Promise<void>
}

/** Agents that poll as fast as it is measured, beside the fleet. */
export const probes = ['agent-probe-1', 'agent-probe-2'] as const

const operatorCount = 16

/** Makes it: agents with a target and a certificate that was signed, and so many finished jobs. */
export async function openFleetSite(
  base: string,
  store: FleetStore,
  postgres: Postgres | null,
  { agents, history }: { readonly agents: number; readonly history: number },
): Promise<FleetSite> {
  const database = await postgres?.newDatabase()
  const dirs = (store === 'two replicas' ? ['one', 'two'] : ['one']).map((name) => join(base, name))
  for (const dir of dirs) await makeFolder(dir)
  const [first = ''] = dirs
  const ids = Array.from({ length: agents }, (_, at) => `agent-${at}`)
  await addBenchAgents({ dir: first, database }, [...probes, ...ids])
  await addVersions({ dir: first, database }, ids)
  if (history > 0) await addHistory({ dir: first, database }, history, agents)
  const ports = await freePorts(dirs.length)
  let servers: readonly BenchServer[] = []
  const start = async (): Promise<void> => {
    const started: BenchServer[] = []
    for (const [at, dir] of dirs.entries())
      started.push(await startBenchServer({ dir, database, port: ports[at] ?? 0, caDir: first }))
    servers = started
  }
  await start()
  const operators = await openOperators(first)
  return {
    urls: servers.map(({ url }) => url),
    caFile: join(first, 'ca.pem'),
    dir: first,
    operators,
    use: () => useOf([...servers.map(({ pid }) => pid), ...(postgres === null ? [] : [postgres.pid])]),
    kill: async () => {
      await Promise.all(servers.map((server) => server.kill()))
    },
    start,
    close: async () => {
      await Promise.all(operators.map((operator) => operator.close()))
      await Promise.all(servers.map((server) => server.kill()))
    },
  }
}

async function openOperators(dir: string): Promise<readonly Operator[]> {
  const read = async (name: string): Promise<string> => (await readFile(join(dir, name), 'utf8')).trim()
  const [url, caPem] = [await read('url'), await read('ca.pem')]
  const admin = openOperator({ url, caPem, operatorToken: await read('operator-token') })
  const all = [admin]
  for (let at = 1; at < operatorCount; at += 1)
    all.push(openOperator({ url, caPem, operatorToken: await admin.addOperator(`bench-${at}`, 'operator') }))
  return all
}

/** As if each certificate had been signed: its agent is not asked to prove it. */
async function addVersions({ dir, database }: BenchPlace, ids: readonly string[]): Promise<void> {
  const store = await openStore({ dataDir: dir, database })
  const pem = await readFile(join(dir, 'ca.pem'), 'utf8')
  await store.transaction(async (inside) => {
    const at = await inside.now()
    for (const [index, id] of ids.entries()) {
      const digest = index.toString(16).padStart(64, '0')
      const times = { notBefore: at, notAfter: at + 47 * 86_400_000, issuedAt: at, revokedAt: null }
      const facts = { number: 1, serial: index.toString(16), pem, spki: digest, fingerprint: digest, issuer: 'local' }
      await inside.versions.add({ certificateId: `cert-${id}`, ...facts, ...times })
    }
  })
  await store.close()
}
