import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Operator } from '../../../src/server/client/operator-client.ts'
import { type Fleet, type Said, startFleet } from './agents-process.ts'
import { type FleetSite, probes } from './fleet-site.ts'
import { type Away, awayFigures } from './outage.ts'

/** How much of it is done. */
export interface FleetPlan {
  readonly agents: number
  /** Processes of agents. */
  readonly processes: number
  readonly pollIntervalMs: number
  readonly pollWaitMs: number
  readonly heartbeatIntervalMs: number
  readonly steadyMs: number
  /** Agents that are asked for a CSR at once. */
  readonly csrs: number
  /** For so long the servers are away; 0: never. */
  readonly outageMs: number
  /** Of anything that is waited for. */
  readonly mostMs: number
}

/** What a fleet and its control plane came to. */
export interface FleetFigures {
  readonly start: {
    readonly heard: number
    readonly seconds: number
    readonly handshakesPerS: number
    readonly failed: number
    readonly cpuS: number
  }
  readonly steady: {
    readonly requestsPerS: number
    readonly cpuSPer1000: number
    readonly coreShare: number
    readonly pollP50Ms: number
    readonly pollP99Ms: number
    readonly heartbeatP99Ms: number
    readonly residentMb: number
  }
  readonly jobs: {
    readonly asked: number
    readonly completed: number
    readonly otherwise: number
    readonly done: number
    readonly twice: number
    /** Until all were asked for, from the first on. */
    readonly askedS: number
    /** Until 99 of 100 were done, and until the last one was reported. */
    readonly mostS: number
    readonly lastS: number
    readonly perS: number
    readonly cpuMsEach: number
  }
  readonly csrs: { readonly asked: number; readonly taken: number; readonly signed: number; readonly seconds: number }
  readonly away: Away | null
  /** Why calls of agents failed before the outage. */
  readonly reasons: Readonly<Record<string, number>>
}

/** Starts all agents at once, and goes through it. */
export async function runFleet(site: FleetSite, plan: FleetPlan): Promise<FleetFigures> {
  const { pollIntervalMs, pollWaitMs, heartbeatIntervalMs, agents, processes } = plan
  const where = { urls: site.urls, caFile: site.caFile, pollIntervalMs, pollWaitMs, heartbeatIntervalMs }
  const before = await site.use()
  const fleet = startFleet(where, agents, processes)
  try {
    const began = performance.now()
    const started = await untilAllAnswered(fleet, plan)
    const seconds = (performance.now() - began) / 1000
    const cpuS = (await site.use()).cpuS - before.cpuS
    const start = {
      heard: started.answered,
      seconds: round(seconds),
      handshakesPerS: round(agents / seconds),
      failed: started.failed,
      cpuS: round(cpuS),
    }
    const steady = await measureSteady(site, fleet, plan)
    const jobs = await deployToAll(site, fleet, plan)
    const csrs = await askForCsrs(site, fleet, plan)
    const { reasons } = await fleet.ask()
    const away =
      plan.outageMs === 0 ? null : await awayFigures(site, fleet, { ...plan, steadyPerS: steady.requestsPerS })
    return { start, steady, jobs, csrs, away, reasons }
  } finally {
    fleet.stop()
  }
}

/** Of all of them one call at least. */
async function untilAllAnswered(fleet: Fleet, { agents, mostMs }: FleetPlan): Promise<Said> {
  const until = Date.now() + mostMs
  let failed = 0
  for (;;) {
    const said = await fleet.ask()
    failed += said.failed
    if (said.answered >= agents || Date.now() > until) return { ...said, failed }
    await pause(200)
  }
}

async function measureSteady(site: FleetSite, fleet: Fleet, plan: FleetPlan): Promise<FleetFigures['steady']> {
  await pause(plan.steadyMs / 2)
  const poller = spawn(
    process.execPath,
    [new URL('../poller.ts', import.meta.url).pathname, site.urls[0] ?? '', site.caFile, ...probes],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  await once(poller.stdout, 'data')
  await fleet.ask()
  const before = await site.use()
  const began = performance.now()
  await pause(plan.steadyMs)
  const said = await fleet.ask()
  const after = await site.use()
  const seconds = (performance.now() - began) / 1000
  let text = ''
  poller.stdout.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  poller.stdin.end()
  await once(poller, 'close')
  const waits = JSON.parse(text) as readonly number[]
  const cpuS = after.cpuS - before.cpuS
  return {
    requestsPerS: round(said.calls / seconds),
    cpuSPer1000: round((cpuS * 1000) / (said.calls + waits.length)),
    coreShare: round(cpuS / seconds),
    pollP50Ms: shareOf(waits, 0.5),
    pollP99Ms: shareOf(waits, 0.99),
    heartbeatP99Ms: shareOf(said.heartbeats, 0.99),
    residentMb: after.residentMb,
  }
}

async function deployToAll(site: FleetSite, fleet: Fleet, plan: FleetPlan): Promise<FleetFigures['jobs']> {
  const { agents, mostMs } = plan
  const before = await site.use()
  const began = performance.now()
  const asked = await eachByOperators(site, agents, (operator, at) =>
    operator.deploy(`cert-agent-${at}`, `target-agent-${at}`),
  )
  const askedS = secondsSince(began)
  const until = Date.now() + mostMs
  let said = await fleet.ask()
  let mostS: number | null = null
  while (said.done < asked.length && Date.now() < until) {
    if (said.done >= asked.length * 0.99) mostS ??= secondsSince(began)
    await pause(200)
    said = await fleet.ask()
  }
  mostS ??= secondsSince(began)
  const states = await untilEnded(site, new Set(asked), until)
  const lastS = secondsSince(began)
  const cpuMs = ((await site.use()).cpuS - before.cpuS) * 1000
  const completed = states.filter((state) => state === 'Completed').length
  return {
    asked: asked.length,
    completed,
    otherwise: asked.length - completed,
    done: (await fleet.ask()).done,
    twice: said.twice,
    askedS,
    mostS,
    lastS,
    perS: round((asked.length * 0.99) / mostS),
    cpuMsEach: round(cpuMs / asked.length),
  }
}

/** The states of these jobs, when all have ended or the time is over. */
async function untilEnded(
  { operators: [operator] }: FleetSite,
  ids: ReadonlySet<string>,
  until: number,
): Promise<readonly string[]> {
  for (;;) {
    const states: string[] = []
    for (let after: string | undefined; states.length < ids.size; ) {
      const part = await operator?.part('jobs', { after, limit: 1000 })
      for (const { id, status } of part?.rows ?? []) if (ids.has(String(id))) states.push(String(status))
      if (part?.next == null) break
      after = part.next
    }
    const isOver = states.every((state) => ['Completed', 'Failed', 'Cancelled'].includes(state))
    if ((isOver && states.length === ids.size) || Date.now() > until) return states
    await pause(500)
  }
}

async function askForCsrs(site: FleetSite, fleet: Fleet, { csrs, mostMs }: FleetPlan): Promise<FleetFigures['csrs']> {
  const began = performance.now()
  const jobs = await eachByOperators(site, csrs, async (operator, at) => {
    const wanted = { agent_id: `agent-${at}`, common_name: `new-${at}.example.net`, validity_days: 47 }
    return (await operator.requestCertificate(wanted)).job_id
  })
  const states = await untilEnded(site, new Set(jobs), Date.now() + mostMs)
  const seconds = round((performance.now() - began) / 1000)
  const signed = states.filter((state) => state === 'Completed').length
  return { asked: jobs.length, taken: (await fleet.ask()).csrs, signed, seconds }
}

/** One call each, side by side as far as the limit of an operator lets it. */
async function eachByOperators(
  { operators }: FleetSite,
  count: number,
  call: (operator: Operator, at: number) => Promise<string>,
): Promise<readonly string[]> {
  const done: string[] = []
  await Promise.all(
    operators.map(async (operator, first) => {
      for (let at = first; at < count; at += operators.length) done.push(await untilTaken(() => call(operator, at)))
    }),
  )
  return done
}

/** Too many, or a database that is slower than its limits on a busy machine; another error is one. */
async function untilTaken(call: () => Promise<string>): Promise<string> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const { details } = error as { readonly details?: Readonly<Record<string, unknown>> }
      if (details?.['status'] !== 429 && details?.['status'] !== 503) throw error
      await pause(200)
    }
  }
}

function shareOf(values: readonly number[], of: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0)
}

function secondsSince(began: number): number {
  return round((performance.now() - began) / 1000)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
