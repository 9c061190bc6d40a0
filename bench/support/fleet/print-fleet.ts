import type { Away } from './outage.ts'
import type { FleetFigures } from './run-fleet.ts'

const width = 60

/** The figures of one store for a person. */
export function linesOf(store: string, { start, steady, jobs, csrs, away, reasons }: FleetFigures): readonly string[] {
  return [
    `== ${store}`,
    `all at once:  all heard after ${start.seconds} s (${start.handshakesPerS}/s), ${start.failed} calls failed, ${start.cpuS} s of CPU`,
    `steady:       ${steady.requestsPerS} requests/s, ${steady.cpuSPer1000} s of CPU per 1000, ${percent(steady.coreShare)} of a core, ${steady.residentMb} MB`,
    `              a poll p50 ${steady.pollP50Ms} ms, p99 ${steady.pollP99Ms} ms; a heartbeat, as its agent sees it, p99 ${steady.heartbeatP99Ms} ms`,
    `a job each:   ${jobs.completed} of ${jobs.asked} Completed, ${jobs.twice} done twice; asked for in ${jobs.askedS} s, 99 of 100 done after ${jobs.mostS} s (${jobs.perS}/s), the last after ${jobs.lastS} s; ${jobs.cpuMsEach} ms of CPU each`,
    `CSRs:         ${csrs.signed} of ${csrs.asked} signed in ${csrs.seconds} s`,
    ...Object.entries(reasons).map(([reason, count]) => `failed:       ${count} times ${reason}`),
    ...(away === null ? [] : awayLines(away)),
  ]
}

function awayLines({ seconds, tens, mostOfUsual, agentsBack, backS }: Away): readonly string[] {
  const most = Math.max(1, ...tens)
  return [
    `${seconds} s away:  ${agentsBack} agents back ${backS} s after; at most ${mostOfUsual} of the usual rate over ten seconds`,
    ...tens.map(
      (calls, at) =>
        `${String(10 * at).padStart(10)} s  ${'#'.repeat(Math.round((calls / most) * width))} ${calls / 10}/s`,
    ),
  ]
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
