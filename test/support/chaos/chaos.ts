import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../hostile/support/random.ts'
import type { Fault, MisbehavingProxy } from '../misbehaving-proxy.ts'
import { briefly, openCalls } from './chaos-call.ts'
import type { KilledServer } from './killed-server.ts'
import { enrollModelAgent, type ModelAgent } from './model-agent.ts'
import { type ChaosOperator, openChaosOperator } from './operator.ts'
import { type Ends, judge, type Look } from './verdict.ts'

/** What is broken, and how. */
export interface ChaosSite {
  readonly servers: readonly KilledServer[]
  /** One before each server. */
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
  readonly breaks: number
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
const targetsOfAgent = 2
/** All agents together poll as often, however many they are. */
const idleMsPerAgent = 70
const knowing = ['lease', 'cancel', 'csr_accepted']

/** Breaks the site while agents work, then leaves it alone until nothing is open. */
export async function runChaos(site: ChaosSite, size: ChaosSize, random: Random): Promise<ChaosFigures> {
  const spoiled = spoil(site.proxies, random)
  const clients = site.proxies.map(({ url }) => openCalls(url, site.caPem))
  const calls = clients.map(({ call }) => call)
  const operator = openChaosOperator(calls, site.operatorToken, random)
  const over = new AbortController()
  const agents: ModelAgent[] = []
  const start = performance.now()
  const breaking = breakThings(site, size.breaks, random)
  try {
    for (let at = 0; at < size.agents; at += 1) {
      const parts = { name: `agent-${at}`, token: await operator.token(), cancelled: operator.told.cancelled }
      const features = at % 2 === 0 ? knowing : []
      agents.push(await enrollModelAgent({ ...parts, features, calls, random, idleMs: size.agents * idleMsPerAgent }))
    }
    const running = agents.map((agent) => agent.run(over.signal))
    await operate(operator, agents, size.certificates, random)
    const breaks = await breaking
    const calm = performance.now()
    for (const proxy of site.proxies) proxy.misbehave(() => null)
    await site.setClock(pastAllMs)
    await allEnded(site.look)
    over.abort()
    await Promise.all(running)
    const seconds = { brokenS: secondsBetween(start, calm), calmS: secondsBetween(calm, performance.now()) }
    for (const server of site.servers) await server.kill()
    return { ...(await judge(site.look, agents, operator.told)), spoiled: spoiled(), breaks, ...seconds }
  } finally {
    over.abort()
    for (const client of clients) await client.close()
  }
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
  count: number,
  random: Random,
): Promise<Readonly<Record<string, number>>> {
  const done: Record<string, number> = {}
  const kill = async (): Promise<void> => {
    const server = random.pick(servers)
    await server.kill()
    await pause(random.below(200))
    await server.start()
  }
  const all = { kill, ...more, jump: () => setClock(random.pick(jumps)) }
  const names = ['kill', 'kill', 'jump', ...Object.keys(more)] as (keyof typeof all)[]
  for (let turn = 0; turn < count; turn += 1) {
    await pause(300 + random.below(700))
    // Each at least once, then as it comes.
    const name = names[turn + 1] ?? random.pick(names)
    await all[name]?.()
    done[name] = (done[name] ?? 0) + 1
  }
  return done
}

async function operate(
  operator: ChaosOperator,
  agents: readonly ModelAgent[],
  certificates: number,
  random: Random,
): Promise<void> {
  const targets = new Map<string, readonly string[]>()
  for (const { id } of agents) {
    const own: string[] = []
    for (let at = 0; at < targetsOfAgent; at += 1) own.push(await operator.target(id, `${id}-${at}`))
    targets.set(id, own)
  }
  for (let at = 0; at < certificates; at += 1) {
    const { id } = agents[at % agents.length] ?? random.pick(agents)
    await operator.request(id, `host-${at}.example.net`, targets.get(id) ?? [])
    // Not all at once: what breaks last is to meet work, too.
    await briefly(random, 800)
    if (random.below(2) === 0) await operator.cancelOne()
    if (random.below(8) === 0) await operator.renewOne()
  }
}

async function allEnded(look: Look): Promise<void> {
  const open = "SELECT count(*) AS n FROM job WHERE status IN ('Pending', 'AwaitingCSR', 'Running')"
  while (Number((await look(open))[0]?.['n']) > 0) await pause(250)
}

function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 1000)
}
