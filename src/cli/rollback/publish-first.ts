import type { RollbackAnswer, RollbackName } from '../../control-plane/rollback-call.ts'
import type { RollbackLook } from '../../deployer/look-back.ts'
import { asWaxsealError, describeError, WaxsealError } from '../../error/waxseal-error.ts'
import { type Clock, pause } from '../../host/clock.ts'

/** What waiting for the record of an older key needs. */
export interface PublishFirstParts {
  /** `jobId`: as the first answer named it. Null: the control plane knows nothing of rollbacks. */
  readonly ask: (jobId: string | null) => Promise<RollbackAnswer | null>
  /** Nothing was begun, and nothing is wanted any more. */
  readonly giveUp: (jobId: string) => Promise<void>
  /** What this host itself sees now. */
  readonly look: () => Promise<Pick<RollbackLook, 'publish' | 'isSeen'>>
  /** What a person sees meanwhile, a line at a time. */
  readonly tell: (line: string) => void
  readonly clock: Clock
  readonly waitMs: number
  /** Ends the wait. */
  readonly signal: AbortSignal
}

/** `jobId`: it may go back, and says what became of this job. `alone`: the control plane publishes nothing, and why. */
export type Published = { readonly jobId: string } | { readonly alone: string }

const [firstPauseMs, longestPauseMs] = [2000, 15_000]

const whyNothing = {
  off: 'roll-over is not on for this target there (waxseal control-plane dane TARGET --rollover)',
  unknown: 'it does not know this target, or this pair, as one of this host',
  revoked: 'the certificate of this pair was revoked there',
} as const

/**
 * Has the control plane publish the record of the older key, and waits until both say that it may be served: the control plane, that every
 * server has it and caches have let go of what was there before; and this host, that its resolver shows it. DANE_WAITING: that did not
 * come to pass in time, or the wait was ended; nothing was changed.
 */
export async function publishFirst(parts: PublishFirstParts): Promise<Published> {
  const { ask, clock, waitMs, signal } = parts
  const until = clock.now() + waitMs
  const first = await ask(null).catch((error: unknown) => `it could not be asked: ${said(error)}`)
  const begun = typeof first === 'string' ? first : begunBy(first)
  if (typeof begun !== 'string') return followOrGiveUp(parts, { ...begun, until })
  requireWaiting(signal)
  return { alone: begun }
}

/** A text: nothing was begun, and why. */
function begunBy(first: RollbackAnswer | null): Omit<Waiting, 'until'> | string {
  if (first === null) return 'it is of a version that knows nothing of rollbacks'
  const { status, job_id: jobId } = first
  if (status === 'off' || status === 'unknown' || status === 'revoked') return whyNothing[status]
  return jobId === null ? 'it gave no usable answer' : { first, jobId }
}

async function followOrGiveUp({ ask, ...parts }: PublishFirstParts, waits: Waiting): Promise<Published> {
  const { giveUp, signal, tell } = parts
  const { jobId } = waits
  try {
    requireWaiting(signal)
    tell(
      `The control plane has the record of the older key published (job ${jobId}). Nothing is changed before; Ctrl-C ends the wait.`,
    )
    return await follow({ ...parts, ask: () => ask(jobId) }, waits)
  } catch (error) {
    await giveUp(jobId).catch(() => tell('The control plane could not be told: what was asked for ends by itself.'))
    throw error
  }
}

interface Waiting {
  readonly first: RollbackAnswer
  readonly jobId: string
  readonly until: number
}

type Following = Omit<PublishFirstParts, 'ask'> & { readonly ask: () => Promise<RollbackAnswer | null> }

/** Until it is decided; each line is told once, for it is asked again and again. */
async function follow(given: Following, { first, jobId, until }: Waiting): Promise<Published> {
  const parts = { ...given, tell: onceEach(given.tell) }
  const { clock, signal } = parts
  let [answer, wait]: [RollbackAnswer | null, number] = [first, firstPauseMs]
  for (;;) {
    const end = answer === null ? null : await decide(parts, answer, jobId)
    // It may have come while the resolver was asked.
    requireWaiting(signal)
    if (end !== null) return end
    requireTime(answer, clock.now(), until)
    await pause(clock, Math.min(wait, until - clock.now()), signal)
    requireWaiting(signal)
    wait = Math.min(wait * 1.5, longestPauseMs)
    answer = await askAgain(parts)
  }
}

/** What an answer and the eyes of this host come to; null: it is to be asked again. */
async function decide(
  { look, giveUp, tell }: Following,
  { status, names }: RollbackAnswer,
  jobId: string,
): Promise<Published | null> {
  if (status !== 'waiting' && status !== 'ready')
    throw waiting('the control plane has ended it, or one of its operators has')
  const { isSeen, publish } = await look()
  if (status === 'ready' && isSeen) return { jobId }
  const byHand = names.find((name) => name.by_hand && name.state === 'wanted')
  if (byHand !== undefined && publish.length > 0) {
    await giveUp(jobId).catch(() => {})
    return { alone: `nobody but a person publishes at ${byHand.name}` }
  }
  for (const name of names) tell(lineOf(name))
  if (status === 'ready')
    tell('The control plane says that the key may be served; the resolver of this host does not show its record yet.')
  return null
}

function requireWaiting(signal: AbortSignal): void {
  if (signal.aborted) throw waiting('the wait was ended')
}

function requireTime(answer: RollbackAnswer | null, now: number, until: number): void {
  const usableAt = Math.max(
    0,
    ...(answer?.names ?? []).map(({ usable_at: at }) => (at === null ? 0 : Date.parse(at) || 0)),
  )
  if (usableAt > until)
    throw waiting(
      `senders know it from ${new Date(usableAt).toISOString()} on`,
      'Give a --wait that ends later, or --force.',
    )
  if (now >= until)
    throw waiting(
      'the time of --wait is over',
      'waxseal control-plane dane TARGET, on the control plane, says what is missing. Give a longer --wait, or --force.',
    )
}

/** Null: it gave no answer. */
async function askAgain({ ask, signal, tell }: Following): Promise<RollbackAnswer | null> {
  try {
    return await ask()
  } catch (error) {
    const coded = asWaxsealError(error)
    // Ctrl-C ends who asks, too.
    if (signal.aborted) return null
    if (coded.code !== 'CONTROL_PLANE_UNREACHABLE') throw coded
    tell(`The control plane gives no answer: ${said(coded)}. It is asked again.`)
    return null
  }
}

function lineOf({ name, state, usable_at: at, by_hand: isByHand, problem }: RollbackName): string {
  const because = problem === null ? '' : ` (${problem.slice(0, 300)})`
  if (state === 'published' && at !== null) return `${name}: everywhere; senders know it from ${at} on${because}`
  if (state === 'publishing') return `${name}: published, and not seen at every server yet${because}`
  return `${name}: ${isByHand ? 'waits for a person to publish it' : 'is being published'}${because}`
}

function onceEach(tell: (line: string) => void): (line: string) => void {
  const told = new Set<string>()
  return (line) => {
    if (told.has(line) || told.size >= mostLines) return
    told.add(line)
    tell(line)
  }
}

const mostLines = 200

function said(error: unknown): string {
  const coded = asWaxsealError(error)
  return `${coded.code}: ${describeError(coded)}`
}

function waiting(
  reason: string,
  hint = '--force goes back at once: senders that check DANE may refuse this host then.',
): WaxsealError {
  return new WaxsealError('DANE_WAITING', { reason, hint })
}
