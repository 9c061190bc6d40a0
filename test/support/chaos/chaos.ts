import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../hostile/support/random.ts'
import type { Fault, MisbehavingProxy } from '../misbehaving-proxy.ts'
import { briefly, type ChaosCall, openCalls } from './chaos-call.ts'
import type { KilledServer } from './killed-server.ts'
import { enrollModelAgent, type ModelAgent } from './model-agent.ts'
import { type ChaosOperator, openChaosOperator } from './operator.ts'
import { type Ends, judge, type Look } from './verdict.ts'

/** What is broken, and how. */
export interface ChaosSite {
  readonly servers: readonly KilledServer[]
  /** Before the servers; one of them may send each request to another server. */
  readonly proxies: readonly MisbehavingProxy[]
  readonly caPem: string
  readonly operatorToken: string
  /** What is broken beside the servers, by a name; each puts it in order again. */
  readonly more: Readonly<Record<string, () => Promise<void>>>
  /** Puts the clock of the store so many milliseconds ahead of the real one. */
  setClock(aheadMs: number): Promise<void>
  readonly look: Look
}

/** How much of it. */
export interface ChaosSize {
  readonly agents: number
  readonly certificates: number
  /** At least; it goes on while certificates are requested. */
  readonly breaks: number
  /** So many requests for certificates are under way at once. */
  readonly atOnce: number
}

/** What was done, and how it ended. */
export interface ChaosFigures extends Ends {
  readonly spoiled: number
  readonly breaks: Readonly<Record<string, number>>
  /** How long things were broken, and until all had ended after that. */
  readonly brokenS: number
  readonly calmS: number
}

const minuteMs = 60_000
const jumps = [0, -10 * minuteMs, 6 * minuteMs, 40 * minuteMs, 120 * minuteMs]
/** After all leases, pauses and silences that began at any of them. */
const pastAllMs = 360 * minuteMs
/** Servers look for what is over four times a minute. */
const mostCalmMs = 120_000
const targetsOfAgent = 2
/** All agents together poll as often, however many they are. */
const idleMsPerAgent = 70
const knowing = ['lease', 'cancel', 'csr_accepted']

/** Breaks the site while agents work, then leaves it alone until nothing is open. */
export async function runChaos(site: ChaosSite, size: ChaosSize, random: Random): Promise<ChaosFigures> {
  const spoiled = spoil(site.proxies, random)
  const [over, gaveUp] = [new AbortController(), new AbortController()]
  const clients = site.proxies.map(({ url }) => openCalls(url, site.caPem, gaveUp.signal))
  const calls = clients.map(({ call }) => call)
  const operator = openChaosOperator(calls, site.operatorToken, random)
  const agents: ModelAgent[] = []
  const running: Promise<void>[] = []
  let isAllAsked = false
  const live = async (): Promise<void> => {
    agents.push(...(await enrollAll(operator, calls, size.agents, random)))
    running.push(...agents.map((agent) => agent.run(over.signal)))
    await operate(operator, agents, size, random)
    isAllAsked = true
  }
  const isEnough = (breaks: number): boolean => gaveUp.signal.aborted || (isAllAsked && breaks >= size.breaks)
  const start = performance.now()
  try {
    const [breaks] = await Promise.all([breakThings(site, random, isEnough), live()])
    const calm = performance.now()
    for (const proxy of site.proxies) proxy.misbehave(() => null)
    await endAll(site, agents)
    const seconds = { brokenS: secondsBetween(start, calm), calmS: secondsBetween(calm, performance.now()) }
    return { ...(await judge(site.look, agents, operator.told)), spoiled: spoiled(), breaks, ...seconds }
  } finally {
    over.abort()
    gaveUp.abort()
    await Promise.allSettled(running)
    for (const client of clients) await client.close()
  }
}

function enrollAll(
  operator: ChaosOperator,
  calls: readonly ChaosCall[],
  count: number,
  random: Random,
): Promise<readonly ModelAgent[]> {
  const enroll = async (at: number): Promise<ModelAgent> => {
    const features = at % 2 === 0 ? knowing : []
    const parts = { name: `agent-${at}`, token: await operator.token(), cancelled: operator.told.cancelled }
    return enrollModelAgent({ ...parts, features, calls, random, idleMs: count * idleMsPerAgent })
  }
  return Promise.all(Array.from({ length: count }, (_, at) => enroll(at)))
}

/** Returns how many answers were spoiled. */
function spoil(proxies: readonly MisbehavingProxy[], random: Random): () => number {
  let count = 0
  const draw = (): Fault =>
    random.pick<Fault>([
      'cut-request',
      'lose-answer',
      'lose-answer',
      { keep: random.below(100) / 100 },
      { keep: random.below(100) / 100 },
      { status: 502, body: '<html>Bad Gateway</html>' },
    ])
  for (const proxy of proxies)
    proxy.misbehave(({ path }) => {
      // The operator is told what is, so that there is something to hold the end against.
      if (path.startsWith('/operator/') || random.below(6) > 0) return null
      count += 1
      return draw()
    })
  return () => count
}

async function breakThings(
  { servers, more, setClock }: ChaosSite,
  random: Random,
  isEnough: (breaks: number) => boolean,
): Promise<Readonly<Record<string, number>>> {
  const done: Record<string, number> = {}
  const kill = async (): Promise<void> => {
    const server = random.pick(servers)
    await server.kill()
    await pause(random.below(200))
    await server.start()
  }
  const end = async (): Promise<void> => {
    const server = random.pick(servers)
    await server.end()
    await server.start()
  }
  const all = { kill, end, ...more, jump: () => setClock(random.pick(jumps)) }
  const names = ['kill', 'end', 'jump', ...Object.keys(more)] as (keyof typeof all)[]
  let tookMs = 0
  for (let turn = 0; !isEnough(turn); turn += 1) {
    // On a busy machine a start takes long: they are up for about as long as they are down.
    await pause(300 + random.below(700) + tookMs)
    const start = performance.now()
    // Each at least once, then as it comes.
    const name = names[turn] ?? random.pick(['kill' as const, ...names])
    await all[name]?.()
    tookMs = performance.now() - start
    done[name] = (done[name] ?? 0) + 1
  }
  return done
}

async function operate(
  operator: ChaosOperator,
  agents: readonly ModelAgent[],
  { certificates, atOnce }: ChaosSize,
  random: Random,
): Promise<void> {
  const targets = new Map<string, readonly string[]>()
  const add = async ({ id }: ModelAgent): Promise<void> => {
    const names = Array.from({ length: targetsOfAgent }, (_, at) => `${id}-${at}`)
    targets.set(id, await Promise.all(names.map((name) => operator.target(id, name))))
  }
  await Promise.all(agents.map(add))
  let next = 0
  const work = async (): Promise<void> => {
    for (let at = next++; at < certificates; at = next++) {
      const { id } = agents[at % agents.length] ?? random.pick(agents)
      await operator.request(id, `host-${at}.example.net`, targets.get(id) ?? [])
      // Not all at once: what breaks last is to meet work, too.
      await briefly(random, 800)
      if (random.below(2) === 0) await operator.cancelOne()
      if (random.below(8) === 0) await operator.renewOne()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** Until nothing is open and no server is there that could open something; or it does not end: the verdict says what is open then. */
async function endAll({ servers, setClock, look }: ChaosSite, agents: readonly ModelAgent[]): Promise<void> {
  const until = performance.now() + mostCalmMs
  const countOpen = async (): Promise<number> => Number((await look(openJobs))[0]?.['n'])
  for (;;) {
    await setClock(pastAllMs)
    // What the reaper has ended may be at work yet: its report corrects it.
    const isBusy = async (): Promise<boolean> => agents.some((agent) => agent.isBusy()) || (await countOpen()) > 0
    while ((await isBusy()) && performance.now() < until) await pause(250)
    for (const server of servers) await server.kill()
    // A server may have begun a deployment again since the look.
    if ((await countOpen()) === 0 || performance.now() >= until) return
    for (const server of servers) await server.start()
  }
}

const openJobs = "SELECT count(*) AS n FROM job WHERE status IN ('Pending', 'AwaitingCSR', 'Running')"

function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 1000)
}
