import type { Fleet } from './agents-process.ts'
import type { FleetSite } from './fleet-site.ts'

/** How a fleet comes back to its control plane. */
export interface Away {
  readonly seconds: number
  /** Calls in each ten seconds from the moment when the servers were back on. */
  readonly tens: readonly number[]
  /** The most in any ten seconds, by what is usual. */
  readonly mostOfUsual: number
  readonly agentsBack: number
  /** Until that many were. */
  readonly backS: number
}

/** The longest wait of an agent, and a little. */
const afterMs = 90_000

/** Kills the servers, lets the fleet be without them, starts them again and looks on. */
export async function awayFigures(
  site: FleetSite,
  fleet: Fleet,
  {
    agents,
    outageMs,
    pollIntervalMs,
    steadyPerS,
  }: {
    readonly agents: number
    readonly outageMs: number
    readonly pollIntervalMs: number
    readonly steadyPerS: number
  },
): Promise<Away> {
  await site.kill()
  await pause(outageMs)
  await fleet.ask()
  await site.start()
  // What was begun before has failed.
  await fleet.ask(true)
  const back = Date.now()
  const lookMs = Math.min(afterMs, 6 * pollIntervalMs)
  const perSecond = new Map<number, number>()
  let [agentsBack, backS] = [0, 0]
  while (Date.now() < back + lookMs || (agentsBack < agents && Date.now() < back + 3 * lookMs)) {
    await pause(500)
    const said = await fleet.ask()
    for (const [second, calls] of Object.entries(said.perSecond)) {
      const at = Number(second) - Math.floor(back / 1000)
      perSecond.set(at, (perSecond.get(at) ?? 0) + calls)
    }
    if (agentsBack >= agents) continue
    agentsBack = said.answered
    backS = Math.round((Date.now() - back) / 1000)
  }
  const last = Math.max(0, ...perSecond.keys())
  const tenFrom = (from: number): number =>
    Array.from({ length: 10 }, (_, at) => perSecond.get(from + at) ?? 0).reduce((sum, calls) => sum + calls, 0)
  const most = Math.max(0, ...Array.from({ length: Math.max(1, last - 8) }, (_, from) => tenFrom(from)))
  return {
    seconds: Math.round(outageMs / 1000),
    tens: Array.from({ length: Math.ceil((last + 1) / 10) }, (_, at) => tenFrom(10 * at)),
    mostOfUsual: Math.round((most / 10 / steadyPerS) * 100) / 100,
    agentsBack,
    backS,
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
