import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createCertificateRequest } from '../../src/material/certificate-request.ts'
import { addBenchAgents, type BenchPlace, type BenchServer, startBenchServer } from './bench-server.ts'

/** What a flood of CSRs did to the polls of other agents. */
export interface FloodFigures {
  readonly csrs: number
  readonly accepted: number
  readonly answeredS: number
  readonly signedS: number
  readonly polls: number
  readonly pollP50Ms: number
  readonly pollP99Ms: number
  readonly pollLongestMs: number
}

/** One for which there is nothing, and one that is asked for a CSR each time. */
const [idle, asked] = ['agent-idle', 'agent-asked']

/** So many agents send a CSR at once, over connections that are open already; two others poll all the while. */
export async function floodWithCsrs(
  place: BenchPlace,
  csrs: number,
  features: readonly string[],
): Promise<FloodFigures> {
  const agents = Array.from({ length: csrs }, (_, at) => `agent-${at + 1}`)
  await addBenchAgents(place, [idle, asked, ...agents], features, [asked, ...agents])
  const bodies = await Promise.all(
    agents.map(async (id) => ({ certificate_id: `cert-${id}`, csr_pem: await csrOf(id) })),
  )
  const server = await startBenchServer(place)
  let poller: Poller | null = null
  try {
    // What is measured is the CSRs, not the handshakes.
    // All at once, for a connection that is free is used again: in parts that the handshakes of a busy machine come through.
    for (let until = 50; until <= csrs; until += 50)
      await Promise.all(agents.slice(0, until).map((id) => server.call(id, 'GET', '/work')))
    poller = await startPoller(place, server)
    const start = performance.now()
    const answers = await Promise.all(agents.map((id, at) => server.call(id, 'POST', '/csr', bodies[at])))
    const answered = performance.now() - start
    const refused = answers.filter((status) => status !== 202)
    if (refused.length > 0) throw new Error(`${refused.length} CSRs were answered ${[...new Set(refused)].join(', ')}`)
    // They are signed in the order in which they came.
    const last = agents.at(-1) ?? ''
    while ((await server.call(last, 'GET', `/certificates/cert-${last}`)) !== 200) await pauseFor(50)
    const signed = performance.now() - start
    const sorted = (await poller.end()).toSorted((one, other) => one - other)
    const share = (of: number): number =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0)
    return {
      csrs,
      accepted: answers.filter((status) => status === 202).length,
      answeredS: Math.round(answered / 100) / 10,
      signedS: Math.round(signed / 100) / 10,
      polls: sorted.length,
      pollP50Ms: share(0.5),
      pollP99Ms: share(0.99),
      pollLongestMs: share(1),
    }
  } finally {
    poller?.kill()
    await server.stop()
  }
}

/** Agents that poll from a process of their own. */
interface Poller {
  /** Returns how long each poll waited, in milliseconds. */
  end(): Promise<readonly number[]>
  kill(): void
}

async function startPoller({ dir }: BenchPlace, { url }: BenchServer): Promise<Poller> {
  const program = new URL('poller.ts', import.meta.url).pathname
  const poller = spawn(process.execPath, [program, url, join(dir, 'ca.pem'), idle, asked], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(poller.stdout, 'data')
  return {
    kill: () => {
      poller.kill('SIGKILL')
    },
    end: async () => {
      let said = ''
      poller.stdout.setEncoding('utf8').on('data', (part) => {
        said += part
      })
      poller.stdin.end()
      await once(poller, 'close')
      return JSON.parse(said)
    },
  }
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function csrOf(id: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return createCertificateRequest({ commonName: `${id}.example.net`, sans: [], keyPem })
}
