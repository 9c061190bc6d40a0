import { generateKeyPairSync } from 'node:crypto'
import { createCertificateRequest } from '../../src/material/certificate-request.ts'
import { addBenchAgents, type BenchPlace, startBenchServer } from './bench-server.ts'

/** What a flood of CSRs did to the polls of another agent. */
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

const polling = 'agent-0'
const betweenPollsMs = 25

/** So many agents send a CSR at once, over connections that are open already; another one polls all the while. */
export async function floodWithCsrs(
  place: BenchPlace,
  csrs: number,
  features: readonly string[],
): Promise<FloodFigures> {
  const agents = Array.from({ length: csrs }, (_, at) => `agent-${at + 1}`)
  await addBenchAgents(place, [polling, ...agents], features, agents)
  const bodies = await Promise.all(
    agents.map(async (id) => ({ certificate_id: `cert-${id}`, csr_pem: await csrOf(id) })),
  )
  const server = await startBenchServer(place)
  try {
    // What is measured is the CSRs, not the handshakes.
    // All at once, for a connection that is free is used again: in parts that the handshakes of a busy machine come through.
    for (let until = 50; until <= csrs; until += 50)
      await Promise.all(agents.slice(0, until).map((id) => server.call(id, 'GET', '/work')))
    const over = new AbortController()
    const waits: number[] = []
    const polls = pollUntil(over.signal, async () => {
      const start = performance.now()
      await server.call(polling, 'GET', '/work', undefined, true)
      waits.push(performance.now() - start)
    })
    const start = performance.now()
    const answers = await Promise.all(agents.map((id, at) => server.call(id, 'POST', '/csr', bodies[at])))
    const answered = performance.now() - start
    // They are signed in the order in which they came.
    const last = agents.at(-1) ?? ''
    while ((await server.call(last, 'GET', `/certificates/cert-${last}`)) !== 200) await pauseFor(50)
    const signed = performance.now() - start
    over.abort()
    await polls
    const sorted = waits.toSorted((one, other) => one - other)
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
    await server.stop()
  }
}

async function pollUntil(over: AbortSignal, poll: () => Promise<void>): Promise<void> {
  while (!over.aborted) {
    await poll()
    await pauseFor(betweenPollsMs)
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
