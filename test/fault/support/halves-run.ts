import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import type { HalvesHost } from './halves-host.ts'
import { isFinal, violationsOf } from './halves-verdict.ts'
import { commandCalls, fileCalls, type HeldRun, isChange, isCommand, type MadeCall, startHeld } from './held-run.ts'

/** One of the two processes. */
export type Half = 'deployer' | 'courier'

/** Where a run is cut off. */
export interface KillPlan {
  /** Whose calls are counted. */
  readonly half: Half
  /** It dies after so many of its calls; null: nobody does, and the calls are told. */
  readonly after: number | null
  /** The other one dies at the same moment. */
  readonly both: boolean
  readonly steps: Steps
  /** With `both`: the machine's power is what is lost. */
  readonly power?: Power
}

/** The power of a host's disk. */
export interface Power {
  /** What is on it by now stays. */
  settle(): Promise<void>
  cut(): Promise<void>
  back(): Promise<void>
}

/** How one certificate went through both halves: requested, signed, deployed, reported. */
export interface HalvesRan {
  /** The calls of the half that was counted. */
  readonly calls: readonly string[]
  /** After which call it was killed; null: it ended before. */
  readonly killedAfter: string | null
  readonly violations: readonly string[]
  /** The jobs that died with the answer to a poll: the control plane handed them out again when their lease had run out. */
  readonly handedOutAgain: readonly string[]
}

/** Each question and each answer over a socket ends with a shutdown or is a request: what was said before is told. */
const socketWrites: readonly string[] = ['write', 'writev', 'sendto', 'sendmsg', 'shutdown', 'connect']

/** Where a program is held. `changes`: not where it has only opened or written a file, for an fsync or a rename comes before others see it. */
export type Steps = 'changes' | 'all'

const opens: readonly string[] = ['open', 'openat', 'openat2', 'creat', 'write', 'writev', 'pwrite64', 'pwritev']

function watchedOf(half: Half, steps: Steps): readonly string[] {
  if (half === 'courier') return socketWrites
  const files = steps === 'all' ? fileCalls : fileCalls.filter((name) => !opens.includes(name))
  return [...files, ...commandCalls, 'shutdown']
}

/** What a half says to a socket that is neither its output nor one of its own threads. */
function isSaid({ name, line }: MadeCall): boolean {
  if (name === 'connect') return /sa_family=AF_(INET|UNIX)/.test(line)
  return socketWrites.includes(name) && /^\w+\((?:[3-9]|\d\d+)<(?:socket|TCP|UNIX)/.test(line)
}

function isOurs(half: Half, dir: string): (call: MadeCall) => boolean {
  if (half === 'courier') return isSaid
  return (call) => isCommand(call) || isChange(call, dir) || isSaid(call)
}

/** Longest that a certificate may need from its request to the last answer, kills included, in milliseconds. */
const longestMs = 120_000
/** What the control plane waits for a job that it handed out, and some more. */
const lostMs = 31 * 60_000

/** A half that runs. `begun`: it has said something. */
type Started = Pick<HeldRun, 'kill' | 'exited'> & { readonly begun: Promise<void> }

/** Sends one certificate through a host that was reset, with one kill. */
export async function runHalves(host: HalvesHost, plan: KillPlan): Promise<HalvesRan> {
  await host.reset()
  await plan.power?.settle()
  const certificateId = await host.request()
  const calls: string[] = []
  const said: string[] = []
  const violations: string[] = []
  const running = new Map<Half, Started>()
  const other = plan.half === 'deployer' ? 'courier' : 'deployer'
  let killedAfter: string | null = null
  /** What ran when the power was cut, and has not ended yet. */
  let dying: ReadonlySet<Half> = new Set()
  let isEnding = false
  const onHeld = async ({ line }: MadeCall): Promise<'go on' | 'kill'> => {
    calls.push(line)
    if (calls.length !== plan.after) return 'go on'
    killedAfter = line
    dying = new Set(running.keys())
    if (plan.both) running.get(other)?.kill('SIGKILL')
    await plan.power?.cut()
    return 'kill'
  }
  const start = (half: Half): Started => {
    const begun = Promise.withResolvers<void>()
    const onLine = (line: string): void => {
      said.push(`${half}: ${line}`)
      begun.resolve()
    }
    const isCounted = half === plan.half && killedAfter === null
    const one = isCounted
      ? startHeld({
          argv: host[half],
          watched: watchedOf(half, plan.steps),
          isOurs: isOurs(half, host.dir),
          onLine,
          onHeld,
        })
      : startSaying(host[half], onLine)
    return { ...one, begun: begun.promise }
  }
  const isPowerBack = Promise.withResolvers<void>()
  /** One that was told to end may end by itself before the kill reaches it. */
  const hasEnded = (half: Half): void => {
    if (!dying.has(half)) return
    dying = new Set([...dying].filter((one) => one !== half))
    if (dying.size === 0) plan.power?.back().then(isPowerBack.resolve, isPowerBack.reject)
  }
  /** As the service manager does: what a kill ended is started again. */
  const keep = async (half: Half): Promise<void> => {
    for (;;) {
      const one = start(half)
      running.set(half, one)
      const status = await one.exited
      running.delete(half)
      hasEnded(half)
      if (status === 'SIGKILL' && killedAfter !== null) {
        if (plan.power !== undefined) await isPowerBack.promise
        continue
      }
      if (!isEnding) violations.push(`the ${half} ended with ${status}`)
      return
    }
  }
  const deployer = keep('deployer')
  await host.isListening()
  const kept = Promise.all([deployer, keep('courier')]).then(() => true)
  let handedOutAgain: readonly string[] = []
  try {
    handedOutAgain = await untilDone(host, certificateId)
  } catch (error) {
    violations.push((error as Error).message)
  }
  isEnding = true
  // One that is killed while it ends is started again, and is told to end again, once it has begun: what it finds half written it removes.
  do for (const one of running.values()) void one.begun.then(() => one.kill('SIGTERM'))
  while (!(await Promise.race([kept, setTimeout(1000, false)])))
  violations.push(...(await violationsOf(host, certificateId)))
  violations.push(
    ...handedOutAgain.filter((id) => wasTakenOver(id, calls)).map((id) => `${id} was taken over, and is lost`),
  )
  if (violations.length > 0) violations.push(said.slice(-longestTail).join('\n'))
  return { calls, killedAfter, violations, handedOutAgain }
}

/** A job whose document is durable was told as taken, and is nobody's but the deployer's. */
function wasTakenOver(id: string, calls: readonly string[]): boolean {
  const stored = calls.findIndex((line) => line.startsWith('rename') && line.includes(`/inbox/${id}.json"`))
  return stored !== -1 && calls.slice(stored).some((line) => /^fsync.*\/inbox>/.test(line))
}

/** Lines of both halves beside what went wrong. */
const longestTail = 40

function startSaying(
  [program, ...args]: readonly [string, ...string[]],
  onLine: (line: string) => void,
): Pick<HeldRun, 'kill' | 'exited'> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  const exited = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string)
  return { kill: (signal) => child.kill(signal), exited }
}

/** Waits until nobody has anything to do for this certificate. Returns the jobs that had to be handed out again. */
async function untilDone(host: HalvesHost, certificateId: string): Promise<readonly string[]> {
  const deadline = Date.now() + longestMs
  let openSince: number | null = null
  let again: readonly string[] = []
  for (;;) {
    if (Date.now() > deadline) throw new Error('it has no end')
    await setTimeout(100)
    const deployments = (await host.jobs(certificateId)).filter(({ type }) => type === 'Deployment')
    const polls = host.heard().filter(({ path }) => path.endsWith('/work')).length
    const open = deployments.filter(({ status }) => !isFinal(status))
    if (open.length > 0) {
      openSince ??= polls
      // It was handed out, and does anybody have it? The courier asks for more meanwhile.
      if (again.length > 0 || polls < openSince + enoughPolls || !(await isIdle(host))) continue
      again = open.map(({ id }) => id)
      host.advance(lostMs)
    } else if (deployments.length > 0 && (await isIdle(host))) return again
  }
}

async function isIdle(host: HalvesHost): Promise<boolean> {
  const answers = await host.answers()
  if (answers === null || answers.isBusy || answers.pending > 0) return false
  return answers.reports.length + answers.requests.length === 0
}

const enoughPolls = 4
