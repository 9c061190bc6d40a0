import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { createCertificateRequest } from '../src/material/certificate-request.ts'
import { hashSecret } from '../src/server/operation/secret.ts'
import { openStore } from '../src/server/store/open-store.ts'

/**
 * A thousand agents send a CSR at once, over connections that are open already; another one polls all the while. Prints how long its
 * polls waited, and when the last CSR was answered and signed. `--features csr_accepted`: agents that are answered at once.
 */
const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000' },
    features: { type: 'string', default: '' },
    database: { type: 'string' },
  },
})
const count = Number(values.agents)
const features = values.features === '' ? [] : values.features.split(',')
const dir = await makeTemporaryFolder('waxseal-flood-')
const main = new URL('../src/main.ts', import.meta.url).pathname
const agents = Array.from({ length: count + 1 }, (_, at) => `agent-${at}`)
await prepare()
const csrs = await Promise.all(agents.slice(1).map((id) => csrOf(id)))
const place = values.database === undefined ? [] : ['--database', values.database]
const serve = ['control-plane', 'serve', '--data-dir', dir, '--listen', '127.0.0.1:0', ...place]
const server = spawn(process.execPath, [main, ...serve], { stdio: ['ignore', 'pipe', 'inherit'] })
process.once('exit', () => server.kill('SIGKILL'))
await once(server.stdout, 'data')
const url = (await readFile(join(dir, 'url'), 'utf8')).trim()
const dispatcher = new Agent({
  connections: null,
  connect: { timeout: 60_000, ca: await readFile(join(dir, 'ca.pem')) },
})
const own = new Agent({ connect: { ca: await readFile(join(dir, 'ca.pem')) } })

// What is measured is the CSRs, not the handshakes.
// All at once, for a connection that is free is used again: in parts that the handshakes of a busy machine come through.
for (let until = 50; until <= count; until += 50)
  await Promise.all(agents.slice(1, until + 1).map((id) => poll(id, dispatcher)))
const over = new AbortController()
const waits: number[] = []
const polling = (async () => {
  while (!over.signal.aborted) {
    const start = performance.now()
    await poll('agent-0', own)
    waits.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
})()
const start = performance.now()
const answers = await Promise.all(agents.slice(1).map((id, at) => send(id, csrs[at] ?? '')))
const answered = performance.now() - start
await allSigned()
const signed = performance.now() - start
over.abort()
await polling
waits.sort((one, other) => one - other)
const share = (of: number): number => Math.round(waits[Math.min(waits.length - 1, Math.floor(waits.length * of))] ?? 0)
console.log({
  csrs: count,
  accepted: answers.filter((status) => status === 202).length,
  'all answered, s': Math.round(answered / 100) / 10,
  'all signed, s': Math.round(signed / 100) / 10,
  polls: waits.length,
  'poll p50, ms': share(0.5),
  'poll p99, ms': share(0.99),
  'poll longest, ms': share(1),
})
server.kill('SIGTERM')
await once(server, 'exit')
await Promise.all([dispatcher.destroy(), own.destroy()])
await removeTree(dir)

async function prepare(): Promise<void> {
  const store = await openStore({ dataDir: dir, database: values.database })
  await store.transaction(async (inside) => {
    const at = await inside.now()
    for (const id of agents) {
      await inside.agents.add({ id, name: id, hostname: id, status: 'active', features, registeredAt: at })
      await inside.credentials.add({ hash: hashSecret(id), agentId: id, createdAt: at, usedAt: at, revokedAt: null })
      const plan = {
        renewShare: null,
        issuers: [],
        keyPolicy: 'rotate',
        nextRenewalAt: null,
        renewalFailures: 0,
      } as const
      const names = { commonName: `${id}.example.net`, sans: [], validityDays: 47 }
      const rest = { lastError: null, revokedAt: null, createdAt: at }
      await inside.certificates.add({ id: `cert-${id}`, agentId: id, ...names, ...plan, ...rest }, [])
      const job = { agentId: id, certificateId: `cert-${id}`, targetId: null, versionNumber: null, createdAt: at }
      if (id !== 'agent-0') await inside.jobs.add({ id: `job-${id}`, type: 'Issuance', status: 'AwaitingCSR', ...job })
    }
  })
  await store.close()
  // Agents are there: the CA has to be, too.
  const { openAuthority } = await import('../src/server/authority/authority.ts')
  await openAuthority(dir)
}

function csrOf(id: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return createCertificateRequest({ commonName: `${id}.example.net`, sans: [], keyPem })
}

async function poll(id: string, over: Agent): Promise<void> {
  const headers = { authorization: `Bearer ${id}` }
  const { body } = await request(`${url}/api/v1/agents/${id}/work`, { dispatcher: over, headers })
  await body.dump()
}

async function send(id: string, csr_pem: string): Promise<number> {
  const { statusCode, body } = await request(`${url}/api/v1/agents/${id}/csr`, {
    dispatcher,
    method: 'POST',
    headers: { authorization: `Bearer ${id}`, 'content-type': 'application/json' },
    body: JSON.stringify({ certificate_id: `cert-${id}`, csr_pem }),
  })
  await body.dump()
  return statusCode
}

async function allSigned(): Promise<void> {
  const get = async (id: string): Promise<number> => {
    const headers = { authorization: `Bearer ${id}` }
    const { statusCode, body } = await request(`${url}/api/v1/agents/${id}/certificates/cert-${id}`, {
      dispatcher,
      headers,
    })
    await body.dump()
    return statusCode
  }
  // They are signed in the order in which they came.
  while ((await get(agents.at(-1) ?? '')) !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
}
