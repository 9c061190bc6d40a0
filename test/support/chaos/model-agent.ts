import type { Random } from '../../hostile/support/random.ts'
import { newCsr } from '../csr.ts'
import { briefly, type ChaosAnswer, type ChaosCall } from './chaos-call.ts'

/** What an agent keeps of a deployment, as on a disk. */
export interface KnownJob {
  commits: number
  /** What it reports at the end; null: it is not that far. */
  final: 'Completed' | 'Failed' | 'Cancelled' | null
  /** When the server said that it has the report, by `performance.now()`. */
  runningTakenAt: number | null
  finalTakenAt: number | null
  readonly attempts: Set<number>
}

/** What an agent needs; `cancelled`: the jobs of which the server said that they are Cancelled. */
export interface ModelAgentParts {
  readonly name: string
  readonly token: string
  /** Of protocol §4; empty: it speaks §1 alone. */
  readonly features: readonly string[]
  /** One for each server that it may reach. */
  readonly calls: readonly ChaosCall[]
  readonly random: Random
  readonly cancelled: ReadonlySet<string>
  /** The longest from one of its polls to the next. */
  readonly idleMs: number
}

/** An agent that speaks the protocol and commits nothing but a line in its memory. */
export interface ModelAgent {
  readonly id: string
  readonly isLeasing: boolean
  readonly jobs: ReadonlyMap<string, KnownJob>
  /** What the server did that it must not do. */
  readonly violations: readonly string[]
  /** It has a deployment whose final report is not taken. */
  isBusy(): boolean
  /** Polls until the signal; resolves when all that it has is reported. */
  run(over: AbortSignal): Promise<void>
}

interface Item {
  readonly id: string
  readonly status: string
  readonly certificate_id: string
  readonly common_name: string
  readonly attempt?: number
}

/** So many of its polls are under way at once: an answer that comes late meets the next one. */
const hands = 2

/** Registers an agent, however often its answer is lost. */
export async function enrollModelAgent(parts: ModelAgentParts): Promise<ModelAgent> {
  const { name, token, features, calls, random } = parts
  const headers = { 'idempotency-key': `registration-of-${name}` }
  for (;;) {
    const body = { name, hostname: `${name}.example.net`, features }
    const answer = await random.pick(calls)('POST', '/api/v1/agents', token, body, headers)
    if (answer?.status === 201) return openModelAgent(parts, String(answer.body['id']), String(answer.body['api_key']))
    if (isRefused(answer)) throw new Error(`the registration of ${name} is refused: ${JSON.stringify(answer)}`)
    await briefly(random, 100)
  }
}

function openModelAgent(parts: ModelAgentParts, id: string, credential: string): ModelAgent {
  const { features, calls, random, cancelled, idleMs } = parts
  const isLeasing = features.includes('lease')
  const jobs = new Map<string, KnownJob>()
  const csrs = new Map<string, Promise<string>>()
  const violations: string[] = []
  const asked = new Set<string>()
  const atWork = new Set<Promise<void>>()
  const call = (method: 'GET' | 'POST', path: string, body?: object) =>
    random.pick(calls)(method, `/api/v1/agents/${id}${path}`, credential, body)
  /** False: the answer does not say that it is taken. */
  const report = async (job: string, status: string): Promise<boolean> => {
    const answer = await call('POST', `/jobs/${job}/status`, { status })
    if (isRefused(answer)) violations.push(`the report of ${job} is refused: ${JSON.stringify(answer)}`)
    return answer?.status === 200 || isRefused(answer)
  }

  const sendCsr = async (item: Item): Promise<void> => {
    const csr = csrs.get(item.id) ?? newCsr([item.common_name])
    csrs.set(item.id, csr)
    const csr_pem = await csr
    const body = { certificate_id: item.certificate_id, csr_pem, ...(isLeasing ? { job_id: item.id } : {}) }
    const send = () => call('POST', '/csr', body)
    // As where the answer of the first one is late.
    await Promise.all(random.below(3) === 0 ? [send(), send()] : [send()])
  }
  const work = async (job: string, known: KnownJob): Promise<void> => {
    await briefly(random, 60)
    if (isLeasing && random.below(3) === 0) await call('POST', `/jobs/${job}/lease`)
    if (await report(job, 'Running')) known.runningTakenAt = performance.now()
    await briefly(random, 60)
    if (asked.has(job)) known.final = 'Cancelled'
    else if (random.below(8) === 0) known.final = 'Failed'
    else {
      known.commits += 1
      known.final = 'Completed'
      if (cancelled.has(job)) violations.push(`${job} is committed after it was Cancelled`)
    }
    while (!(await report(job, known.final))) await briefly(random, 100)
    known.finalTakenAt = performance.now()
    // A report of an earlier time that was on its way all the while: the first final state stays.
    if (random.below(4) === 0) await report(job, random.pick(['Failed', 'Completed', 'Running', 'Cancelled']))
  }
  const take = (job: string, attempt: number, polledAt: number): void => {
    const before = jobs.get(job)
    const known = before ?? { commits: 0, final: null, runningTakenAt: null, finalTakenAt: null, attempts: new Set() }
    jobs.set(job, known)
    if (known.attempts.has(attempt)) violations.push(`${job} is handed out twice as attempt ${attempt}`)
    known.attempts.add(attempt)
    if (known.finalTakenAt !== null && known.finalTakenAt < polledAt)
      violations.push(`${job} is handed out after its final report`)
    else if (known.runningTakenAt !== null && known.runningTakenAt < polledAt)
      violations.push(`${job} is handed out after it was reported Running`)
    if (before !== undefined) return
    const working = work(job, known).finally(() => atWork.delete(working))
    // Whoever waits for it is told.
    working.catch(() => {})
    atWork.add(working)
  }
  const ask = async (): Promise<void> => {
    const polledAt = performance.now()
    const answer = await call('GET', '/work')
    if (answer?.status !== 200) return
    const items = answer.body['jobs'] as Item[]
    const isAwaited = ({ status }: Item): boolean => status === 'AwaitingCSR'
    for (const { id: job, attempt = 1 } of items.filter((item) => !isAwaited(item))) take(job, attempt, polledAt)
    for (const item of items.filter(isAwaited)) await sendCsr(item)
  }
  const poll = async (): Promise<void> => {
    if (random.below(4) === 0) {
      const heard = await call('POST', '/heartbeat', { version: '1', features })
      for (const job of (heard?.body['cancel'] ?? []) as string[]) asked.add(job)
    }
    // At the same moment, of two servers where there are two: each job is in one of the answers.
    await Promise.all(random.below(2) === 0 ? [ask(), ask()] : [ask()])
  }
  const hand = async (over: AbortSignal): Promise<void> => {
    while (!over.aborted) {
      await poll()
      await briefly(random, idleMs)
    }
  }
  return {
    id,
    isLeasing,
    jobs,
    violations,
    isBusy: () => atWork.size > 0,
    run: async (over) => {
      await Promise.all(Array.from({ length: hands }, () => hand(over)))
      await Promise.all(atWork)
    },
  }
}

/** However often it is asked again. */
function isRefused(answer: ChaosAnswer): boolean {
  return answer !== null && answer.status >= 400 && answer.status < 500 && answer.status !== 429
}
