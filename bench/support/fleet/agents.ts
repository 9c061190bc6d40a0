import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { makeClientRequest } from '../../../src/cli/control-plane/client-request.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { runCourier } from '../../../src/courier/courier.ts'
import { openProgress } from '../../../src/courier/progress.ts'
import { initialState } from '../../../src/courier/state.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { type PlayedCounts, PlayedDeployer } from './played-deployer.ts'
import { Recorder } from './recorder.ts'

/** The agents of one process: each runs the courier's own loops, and its deployer is played. */
export interface AgentsPlan {
  /** Where the control plane is; agents take these in turn. */
  readonly urls: readonly string[]
  readonly caFile: string
  /** `agent-FIRST` and those after it. */
  readonly first: number
  readonly count: number
  readonly pollIntervalMs: number
  readonly pollWaitMs: number
  readonly heartbeatIntervalMs: number
}

// `node agents.ts PLAN`: starts them all at once; to each line on standard input it says what they have called since the last one, and
// what was done in all (JSON); `anew`: agents are counted anew. It ends with its standard input.
const plan = JSON.parse(process.argv[2] ?? '') as AgentsPlan
const ca = await readFile(plan.caFile, 'utf8')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const counts: PlayedCounts = { done: 0, twice: 0, csrs: 0 }
const recorder = new Recorder()
const stop = new AbortController()

for (let at = plan.first; at < plan.first + plan.count; at += 1) void start(at)
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  process.stdout.write(`${JSON.stringify({ ...recorder.take(line === 'anew'), ...counts })}\n`)
})
lines.on('close', () => process.exit(0))

async function start(at: number): Promise<void> {
  const id = `agent-${at}`
  const url = plan.urls[at % plan.urls.length] ?? ''
  const controlPlane = openControlPlane({ url, ca, agentId: id, credential: id, localAddress: sourceOf(at) })
  await runCourier({
    deployer: new PlayedDeployer(keyPem, counts),
    readShown: async () => null,
    controlPlane: recorder.around(id, controlPlane),
    clock: systemClock,
    log: pino({ enabled: false }),
    state: initialState(),
    progress: openProgress(),
    facts: { version: '0', hostname: id, os: 'linux', architecture: 'x64', ipAddress: sourceOf(at) },
    machine: null,
    makeClientRequest,
    clientCertificate: null,
    driftWatch: null,
    readAcme: async () => null,
    isSearching: false,
    isBoot: false,
    pollIntervalMs: plan.pollIntervalMs,
    pollWaitMs: plan.pollWaitMs,
    heartbeatIntervalMs: plan.heartbeatIntervalMs,
    stop: stop.signal,
  })
}

/** Each has an address of its own: limits by address, and the ports of one, are those of one host. */
function sourceOf(at: number): string {
  return `127.${1 + (at >> 14)}.${(at >> 7) & 127}.${1 + (at & 127)}`
}
