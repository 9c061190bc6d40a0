import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { hashSecret } from '../../src/server/operation/secret.ts'
import { openStore } from '../../src/server/store/open-store.ts'
import { agentRow, certificateRow } from '../../test/support/store-site.ts'

/** Where a server of the bench keeps its data. */
export interface BenchPlace {
  readonly dir: string
  /** A `postgres://` URL; left out: SQLite in `dir`. */
  readonly database?: string | undefined
  /** Left out: any that is free. */
  readonly port?: number
  /** Of its CA; left out: `dir`. */
  readonly caDir?: string
}

/** `waxseal control-plane serve` as a process of its own. */
export interface BenchServer {
  readonly url: string
  readonly pid: number
  /** A call of this agent, whose credential is its id; returns the status. */
  call(agent: string, method: 'GET' | 'POST', path: string, body?: object): Promise<number>
  stop(): Promise<void>
  /** At once, as where the power fails. */
  kill(): Promise<void>
}

const main = new URL('../../src/main.ts', import.meta.url).pathname

/** Starts it; agents are there by `addBenchAgents`. */
export async function startBenchServer({ dir, database, port = 0, caDir = dir }: BenchPlace): Promise<BenchServer> {
  const place = [...(database === undefined ? [] : ['--database', database]), '--ca-dir', caDir]
  const serve = ['control-plane', 'serve', '--data-dir', dir, '--listen', `127.0.0.1:${port}`, ...place]
  const server = spawn(process.execPath, [main, ...serve], { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = (): void => {
    server.kill('SIGKILL')
  }
  process.once('exit', kill)
  await once(server.stdout, 'data')
  server.stdout.resume()
  const url = (await readFile(join(dir, 'url'), 'utf8')).trim()
  const ca = await readFile(join(caDir, 'ca.pem'))
  const dispatcher = new Agent({ connections: null, connect: { timeout: 60_000, ca } })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    process.off('exit', kill)
    await dispatcher.destroy()
    const ended = once(server, 'exit')
    server.kill(signal)
    await ended
  }
  return {
    url,
    pid: server.pid ?? 0,
    call: async (agent, method, path, content) => {
      const { statusCode, body } = await request(`${url}/api/v1/agents/${agent}${path}`, {
        dispatcher,
        method,
        headers: {
          authorization: `Bearer ${agent}`,
          ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: content === undefined ? null : JSON.stringify(content),
      })
      await body.dump()
      return statusCode
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** Agents with a certificate and a target each; `awaiting`: those of them that a CSR is asked of. */
export async function addBenchAgents(
  { dir, database }: BenchPlace,
  agents: readonly string[],
  features: readonly string[] = [],
  awaiting: readonly string[] = [],
): Promise<void> {
  const store = await openStore({ dataDir: dir, database })
  const asked = new Set(awaiting)
  await store.transaction(async (inside) => {
    const at = await inside.now()
    for (const id of agents) {
      await inside.agents.add(agentRow({ id, name: id, hostname: id, features, registeredAt: at }))
      await inside.credentials.add({
        hash: hashSecret(id),
        agentId: id,
        createdAt: at,
        usedAt: at,
        revokedAt: null,
        kind: 'secret',
        expiresAt: null,
      })
      await inside.targets.add({ id: `target-${id}`, name: `target-${id}`, agentId: id, type: 'Postfix', config: {} })
      const own = { id: `cert-${id}`, agentId: id, commonName: `${id}.example.net`, createdAt: at }
      await inside.certificates.add(certificateRow(own), [])
      const job = { agentId: id, certificateId: `cert-${id}`, targetId: null, versionNumber: null, createdAt: at }
      if (asked.has(id)) await inside.jobs.add({ id: `job-${id}`, type: 'Issuance', status: 'AwaitingCSR', ...job })
    }
  })
  await store.close()
  // Agents are there: the CA has to be, too.
  const { openAuthority } = await import('../../src/server/authority/authority.ts')
  await openAuthority(dir)
}
