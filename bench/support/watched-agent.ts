import { pino } from 'pino'
import type { Config } from '../../src/config/config.ts'
import { type ControlPlane, openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import type { Endpoint } from '../../src/control-plane/request.ts'
import type { Work } from '../../src/control-plane/work-call.ts'
import { startBothHalves } from '../../test/support/both-halves.ts'
import { benchClock } from './bench-clock.ts'
import { Gate } from './gate.ts'
import type { Lap } from './lap.ts'
import { Watch } from './watch.ts'

/** The agent as it is, in this process, that polls only when it is told to. */
export interface WatchedAgent {
  /** One poll with all that follows from it; resolves when so many results were acknowledged and the agent rests. */
  turn(results: number): Promise<Lap>
  /** All polls of a renewal, from the request to the deployment; resolves as `turn` does. */
  renewal(results: number): Promise<Lap>
  stop(): Promise<void>
}

const noWork: Work = { jobs: [], malformed: [], cancel: null, pollIntervalMs: null, splayMs: null, retryAfterMs: null }
const turnMs = 120_000
const hourMs = 3_600_000

/** Starts the agent of this configuration. */
export async function startWatchedAgent(
  config: Config,
  endpoint: Endpoint & { readonly agentId: string },
): Promise<WatchedAgent> {
  const gate = new Gate()
  const stop = new AbortController()
  const watch = new Watch()
  const real = openControlPlane(endpoint)
  const controlPlane: ControlPlane = {
    ...real,
    work: async () => {
      await gate.pass()
      return stop.signal.aborted ? noWork : real.work()
    },
    submitCsr: async (id, csr, about) => {
      const state = await real.submitCsr(id, csr, about)
      watch.requestAnswered()
      return state
    },
    certificate: (id) => {
      gate.close()
      return watch.certificate(() => real.certificate(id))
    },
    reportStatus: async (id, report) => {
      await real.reportStatus(id, report)
      if (report.status === 'Running') return
      watch.lap.outcome = report.outcome ?? null
      watch.acknowledged(report.error ?? null)
    },
    reportVerification: async (id, report) => {
      await real.reportVerification(id, report)
      watch.acknowledged(null)
    },
  }
  const halves = await startBothHalves({
    config,
    controlPlane,
    clock: benchClock,
    log: pino({ base: null }, { write: (line) => watch.logged(line) }),
    pollIntervalMs: 0,
    heartbeatIntervalMs: hourMs,
  })
  halves.ended.catch((error: unknown) => watch.failed(error))
  const letThrough = async (results: number, open: () => void): Promise<Lap> => {
    await gate.arrival()
    const done = watch.begin(results)
    const late = setTimeout(() => watch.failed(new Error('the agent did not end its turn in time')), turnMs)
    open()
    try {
      await Promise.all([done, Promise.race([gate.arrival(), watch.failure])])
    } finally {
      clearTimeout(late)
    }
    return watch.lap
  }
  return {
    turn: (results) => letThrough(results, () => gate.open()),
    renewal: (results) => letThrough(results, () => gate.stayOpen()),
    stop: async () => {
      stop.abort()
      gate.open()
      await halves.stop()
      await real.close()
    },
  }
}
