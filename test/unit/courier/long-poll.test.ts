import { pino } from 'pino'
import t from 'tap'
import type { Work, WorkWait } from '../../../src/control-plane/work-call.ts'
import { LongPoll } from '../../../src/courier/long-poll.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const second = 1000
const none: Work = { jobs: [], malformed: [], cancel: null, pollIntervalMs: null, splayMs: null, retryAfterMs: null }
const cut = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'other side closed' })

t.test(
  'no call waits at a server that has not said that it knows it, nor where something else is to be done',
  async (t) => {
    const { poll, asked, answer } = open()
    answer(none)
    await poll.work(true)
    poll.heard(heard(['lease']))
    await poll.work(true)
    const { learned } = poll
    t.notOk(learned?.aborted ?? true)
    poll.heard(heard(['wait']))
    await poll.work(false)
    t.same(asked, [0, 0, 0])
    t.equal(poll.pauseMs, null)

    await new Promise((resolve) => setImmediate(resolve))
    t.ok(learned?.aborted)
    t.equal(poll.learned, undefined)
    await poll.work(true)
    t.equal(asked.at(-1), 30)
  },
)

t.test('after a wait the next call comes within the splay that the server tells, after no wait as usual', async (t) => {
  const { poll, answer } = waiting()
  answer({ ...none, splayMs: 8 * second }, 30 * second)
  await poll.work(true)
  t.equal(poll.pauseMs, 4 * second)

  answer({ ...none, splayMs: 8 * second }, second)
  await poll.work(true)
  t.equal(poll.pauseMs, null, 'another asks in this name, or the server ends')

  answer({ ...none, splayMs: 8 * second, retryAfterMs: 33 * second }, 0)
  await poll.work(true)
  t.equal(poll.pauseMs, 36.3 * second, 'it has no room')
})

t.test('a wait that is cut off is followed by a plain call, twice in a row by shorter ones for an hour', async (t) => {
  const { poll, asked, answer, advance } = waiting()
  for (const ms of [29, 29, 19, 19, 12, 12, 7, 7]) {
    answer(cut, ms * second)
    t.equal(await poll.work(true), null)
    t.equal(poll.pauseMs, 30 * second, 'all whom a server cut off when it was killed come at times of their own')
    answer(none)
    await poll.work(true)
  }
  await poll.work(true)
  t.same(asked, [30, 0, 30, 0, 19, 0, 19, 0, 13, 0, 13, 0, 8, 0, 8, 0, 0])

  advance(3600 * second)
  answer(none, 30 * second)
  await poll.work(true)
  t.equal(asked.at(-1), 30)
})

t.test('one that is cut off between others that are not shortens nothing: a server may start anew', async (t) => {
  const { poll, asked, answer } = waiting()
  for (let count = 0; count < 3; count += 1) {
    answer(cut, 20 * second)
    await poll.work(true)
    answer(none, 0)
    await poll.work(true)
    answer(none, 30 * second)
    await poll.work(true)
  }
  t.same(asked, [30, 0, 30, 30, 0, 30, 30, 0, 30])
})

t.test('a refusal, a server that is away and one that asks for a pause are failures as without a wait', async (t) => {
  for (const [error, ms] of [
    [new WaxsealError('CONTROL_PLANE_REFUSED', { status: 401 }), 20 * second],
    [new WaxsealError('AGENT_RETIRED', { status: 410 }), 20 * second],
    [new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 503, retryAfterMs: 5000 }), 20 * second],
    [cut, 100],
  ] as const) {
    const { poll, answer } = waiting()
    answer(error, ms)
    await t.rejects(poll.work(true), { code: error.code })
  }
})

t.test('the end of the service ends a wait at once, and begins none', async (t) => {
  const { poll, asked, stop, hang } = waiting()
  hang()
  const work = poll.work(true)
  stop()

  t.equal(await work, null)
  await poll.work(true)
  t.same(asked, [30, 0])
})

t.test('however long it is set to, a call waits no longer than a server lets it', async (t) => {
  const { poll, asked, answer } = waiting(3600 * second)
  answer(none, 20 * second)
  await poll.work(true)
  t.same(asked, [35])
  t.not(poll.pauseMs, null)
})

function heard(features: readonly string[]) {
  return { features: new Set(features), cancel: [], caPem: null, pollIntervalMs: null, splayMs: null }
}

function waiting(pollWaitMs?: number) {
  const opened = open(pollWaitMs)
  opened.poll.heard(heard(['wait']))
  return opened
}

/** Each call is answered with what `answer` was told last, after so many milliseconds. */
function open(pollWaitMs = 30 * second) {
  const clock = fakeClock(0.5)
  const stop = new AbortController()
  const asked: number[] = []
  let next: { readonly what: Work | WaxsealError | null; readonly ms: number } = { what: none, ms: 0 }
  const work = async (wait?: WorkWait): Promise<Work> => {
    asked.push(wait?.seconds ?? 0)
    clock.advance(next.ms)
    if (next.what instanceof WaxsealError) throw next.what
    if (next.what !== null || wait === undefined) return next.what ?? none
    return new Promise((_, reject) => wait.signal.addEventListener('abort', () => reject(cut)))
  }
  const awayMs = (): number => 60 * second
  const parts = {
    controlPlane: { work },
    pollWaitMs,
    awayMs,
    clock,
    log: pino({ enabled: false }),
    signal: stop.signal,
  }
  return {
    poll: new LongPoll(parts),
    asked,
    advance: clock.advance,
    stop: () => stop.abort(),
    hang: () => {
      next = { what: null, ms: 0 }
    },
    answer: (what: Work | WaxsealError, ms = 0) => {
      next = { what, ms }
    },
  }
}
