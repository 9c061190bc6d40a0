import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Heard } from '../../src/control-plane/heard.ts'
import { type AgentEndpoint, type ControlPlane, openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import { register } from '../../src/control-plane/register.ts'
import { courierMemoryFolder, readMembership } from '../../src/deployer/serve/courier-memory.ts'
import { type Clock, systemClock } from '../../src/host/clock.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { openOperator } from '../../src/server/client/operator-client.ts'
import {
  type ControlPlaneOptions,
  type RunningControlPlane,
  startControlPlane,
} from '../../src/server/start-control-plane.ts'
import { startBothHalves } from './both-halves.ts'

/** A folder that goes with the test. */
export async function folder(t: Test): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'waxseal-member-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

const facts = hostFacts('0.0.0')

type Host = Parameters<ControlPlane['heartbeat']>[1]

/** A control plane, and one host that is enrolled there. */
export async function openEnrolledSite(t: Test, options: Partial<ControlPlaneOptions> = {}) {
  const dir = await folder(t)
  const stateDir = join(dir, 'state')
  await mkdir(stateDir, { mode: 0o700 })
  let plane: RunningControlPlane
  const startPlane = async (changes: Partial<ControlPlaneOptions>): Promise<void> => {
    plane = await startControlPlane({ dataDir: join(dir, 'cp'), host: '127.0.0.1', port: 0, ...changes })
  }
  await startPlane(options)
  t.teardown(() => plane.close())
  const operator = openOperator(plane!)
  const token = await operator.createToken()
  await operator.close()
  const { url, caPem } = plane!
  const { agentId, credential } = await register({ url, ca: caPem, credential: token }, 'host', facts)
  const endpoint = { url, ca: caPem, agentId, credential: credential ?? '' }
  return {
    stateDir,
    dataDir: join(dir, 'cp'),
    endpoint,
    get plane() {
      return plane
    },
    startPlane,
    stopPlane: () => plane.close(),
    membership: () => readMembership(courierMemoryFolder(stateDir)),
    startAgent: async (
      changes: Partial<AgentEndpoint> & {
        stateDir?: string
        calls?: Partial<ControlPlane>
        clock?: Partial<Clock>
        pollWaitMs?: number
        heartbeatIntervalMs?: number
        pollIntervalMs?: number
        clientCertificate?: boolean
      } = {},
    ) => {
      const { stateDir: ownState = stateDir, calls = {}, clock = {}, ...others } = changes
      const {
        pollWaitMs = 0,
        heartbeatIntervalMs = 50,
        pollIntervalMs = 200,
        clientCertificate,
        ...ofEndpoint
      } = others
      return startAgent(ownState, { ...endpoint, ...ofEndpoint }, calls, clock, {
        pollWaitMs,
        heartbeatIntervalMs,
        pollIntervalMs,
        ...(clientCertificate === undefined ? {} : { clientCertificate }),
      })
    },
  }
}

/** Both halves; what they say in their log and what their heartbeats come to can be waited for. */
async function startAgent(
  stateDir: string,
  endpoint: AgentEndpoint,
  calls: Partial<ControlPlane>,
  clock: Partial<Clock>,
  pace: {
    readonly pollWaitMs: number
    readonly heartbeatIntervalMs: number
    readonly pollIntervalMs: number
    readonly clientCertificate?: boolean
  },
) {
  const file = join(dirname(stateDir), 'waxseal.yaml')
  await writeFile(file, JSON.stringify({ state_dir: stateDir }))
  const client = openControlPlane(endpoint)
  const lines: string[] = []
  const beats: { readonly heard: Heard; readonly host: Host }[] = []
  let changed = Promise.withResolvers<void>()
  const change = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      await changed.promise
    }
  }
  const heartbeat: ControlPlane['heartbeat'] = async (about, host) => {
    const heard = await client.heartbeat(about, host)
    beats.push({ heard, host })
    change()
    return heard
  }
  const others = { heartbeat, ...calls }
  // Some of what it has is read anew each time: a copy would have it as it is now.
  const controlPlane = new Proxy(client, {
    get: (target, name) => Reflect.get(name in others ? others : target, name),
  })
  const halves = await startBothHalves({
    config: await loadConfig({ file, env: {} }),
    controlPlane,
    clock: { ...systemClock, random: () => 1, ...clock },
    log: pino(
      { base: null },
      {
        write: (line: string) => {
          lines.push((JSON.parse(line) as { readonly msg: string }).msg)
          change()
        },
      },
    ),
    ...pace,
  })
  return {
    said: (message: string) => until(() => (lines.includes(message) ? true : undefined)),
    hasSaid: (message: string) => lines.includes(message),
    /** The next heartbeat that is answered. */
    heard: () => {
      const { length } = beats
      return until(() => beats[length]?.heard)
    },
    /** Which host this is, once the server was told: not with the first heartbeat, whose answer says whether it takes that. */
    heardOf: () => {
      const { length } = beats
      return until(() => beats.slice(Math.max(length, 1)).find(({ host }) => host !== null)?.host ?? undefined)
    },
    stop: async () => {
      await halves.stop()
      await client.close()
    },
  }
}
