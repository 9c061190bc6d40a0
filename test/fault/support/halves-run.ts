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
  /** The control plane ended the job, which nobody had taken over. */
  readonly isClaimLost: boolean
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

/** Sends one certificate through a host that was reset, with one kill. */
export async function runHalves(host: HalvesHost, plan: KillPlan): Promise<HalvesRan> {
  await host.reset()
  await plan.power?.settle()
  const certificateId = await host.request()
  const calls: string[] = []
  const said: string[] = []
  const violations: string[] = []
  const running = new Map<Half, Pick<HeldRun, 'kill' | 'exited'>>()
  const other = plan.half === 'deployer' ? 'courier' : 'deployer'
  let killedAfter: string | null = null
  /** Halves that die and have not ended yet. */
  let dying = 0
  let isEnding = false
  const onHeld = async ({ line }: MadeCall): Promise<'go on' | 'kill'> => {
    calls.push(line)
    if (calls.length !== plan.after) return 'go on'
    killedAfter = line
    dying = running.has(other) ? 2 : 1
    if (plan.both) running.get(other)?.kill('SIGKILL')
    await plan.power?.cut()
    return 'kill'
  }
  const start = (half: Half): Pick<HeldRun, 'kill' | 'exited'> => {
    const onLine = (line: string): void => void said.push(`${half}: ${line}`)
    const isCounted = half === plan.half && killedAfter === null
    return isCounted
      ? startHeld({
          argv: host[half],
          watched: watchedOf(half, plan.steps),
          isOurs: isOurs(half, host.dir),
          onLine,
          onHeld,
        })
      : startSaying(host[half], onLine)
  }
  const isPowerBack = Promise.withResolvers<void>()
  const powerBack = (): Promise<void> => {
    dying -= 1
    if (dying === 0) plan.power?.back().then(isPowerBack.resolve, isPowerBack.reject)
    return isPowerBack.promise
  }
  /** As the service manager does: what a kill ended is started again. */
  const keep = async (half: Half): Promise<void> => {
    for (;;) {
      const one = start(half)
      running.set(half, one)
      const status = await one.exited
      running.delete(half)
      if (status === 'SIGKILL' && killedAfter !== null) {
        if (plan.power !== undefined) await powerBack()
        continue
      }
      if (!isEnding) violations.push(`the ${half} ended with ${status}`)
      return
    }
  }
  const deployer = keep('deployer')
  await host.isListening()
  const kept = Promise.all([deployer, keep('courier')]).then(() => true)
  let isClaimLost = false
  try {
    isClaimLost = await untilDone(host, certificateId)
  } catch (error) {
    violations.push((error as Error).message)
  }
  isEnding = true
  // One that is killed while it ends is started again, and is told to end again.
  do for (const one of running.values()) one.kill('SIGTERM')
  while (!(await Promise.race([kept, setTimeout(1000, false)])))
  violations.push(...(await violationsOf(host, certificateId, isClaimLost)))
  if (isClaimLost) violations.push(...(await takenOver(host, certificateId, calls)))
  if (violations.length > 0) violations.push(said.slice(-longestTail).join('\n'))
  return { calls, killedAfter, violations, isClaimLost }
}

/** A job whose document is durable was told as taken, and is nobody's but the deployer's. */
async function takenOver(
  host: HalvesHost,
  certificateId: string,
  calls: readonly string[],
): Promise<readonly string[]> {
  const unsaid = (await host.jobs(certificateId)).filter(
    ({ id, type }) => type === 'Deployment' && !host.heard().some(({ path }) => path.endsWith(`/jobs/${id}/status`)),
  )
  return unsaid.flatMap(({ id }) => {
    const stored = calls.findIndex((line) => line.startsWith('rename') && line.includes(`/inbox/${id}.json"`))
    const isDurable = stored !== -1 && calls.slice(stored).some((line) => /^fsync.*\/inbox>/.test(line))
    return isDurable ? [`${id} was taken over, and is lost`] : []
  })
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

/** Waits until nobody has anything to do for this certificate. True: its claim was lost, and the control plane has ended it. */
async function untilDone(host: HalvesHost, certificateId: string): Promise<boolean> {
  const deadline = Date.now() + longestMs
  let runningSince: number | null = null
  let isClaimLost = false
  for (;;) {
    if (Date.now() > deadline) throw new Error('it has no end')
    await setTimeout(100)
    const deployments = (await host.jobs(certificateId)).filter(({ type }) => type === 'Deployment')
    const polls = host.heard().filter(({ path }) => path.endsWith('/work')).length
    if (deployments.some(({ status }) => status === 'Running')) {
      runningSince ??= polls
      // It was handed out, and does anybody have it? The courier asks for more meanwhile.
      if (isClaimLost || polls < runningSince + enoughPolls || !(await isIdle(host))) continue
      isClaimLost = true
      host.advance(lostMs)
    } else if (deployments.length > 0 && deployments.every(({ status }) => isFinal(status)) && (await isIdle(host)))
      return isClaimLost
  }
}

async function isIdle(host: HalvesHost): Promise<boolean> {
  const answers = await host.answers()
  if (answers === null || answers.isBusy || answers.pending > 0) return false
  return answers.reports.length + answers.requests.length === 0
}

const enoughPolls = 4
