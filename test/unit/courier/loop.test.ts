import t from 'tap'
import { runLoop } from '../../../src/courier/loop.ts'
import { longestTurnMs, slackMs } from '../../../src/courier/progress.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('a loop waits as its turns say', async (t) => {
  const { clock, run } = loopOf([() => 10, () => 20, () => 30])

  await run()

  t.same(clock.sleeps, [10, 20])
})

t.test('the first turn waits when it is told to', async (t) => {
  const { clock, run } = loopOf([() => 10], 500)

  await run()

  t.same(clock.sleeps, [500])
})

t.test('a wait is cut short by what is early for it, and no other one is', async (t) => {
  const cut = AbortSignal.abort()
  const signals = [undefined, cut, undefined]
  const { clock, run } = loopOf([() => 10, () => 20, () => 30, () => 40], 0, () => signals.shift())

  await run()

  t.same(clock.sleeps, [10, 30])
})

t.test('failures are counted in a row, and an error never ends the loop', async (t) => {
  const fail = (): number => {
    throw new WaxsealError('INTERNAL')
  }
  const { clock, run } = loopOf([fail, fail, () => 1, fail, () => 0])

  await run()

  t.same(clock.sleeps, [1000, 2000, 1, 1000])
})

t.test(
  'a loop says before each turn and each wait when it will be heard of again, and at its end that it will not',
  async (t) => {
    const { run, expected } = loopOf([() => 10, () => 20], 500)

    await run()

    t.same(expected, [500 + slackMs, longestTurnMs, 10 + slackMs, longestTurnMs, 20 + slackMs, 'end'])
  },
)

/** A loop whose turns do this, one after the other; it is told to stop in the last one. */
function loopOf(turns: readonly (() => number)[], firstWait = 0, early?: () => AbortSignal | undefined) {
  const clock = fakeClock()
  const stop = new AbortController()
  const left = [...turns]
  const expected: (number | 'end')[] = []
  const progress = {
    expect: (_: string, withinMs: number) => void expected.push(withinMs),
    end: () => void expected.push('end'),
    overdue: () => [],
  }
  const turn = async (): Promise<number> => {
    const next = left.shift()
    if (left.length === 0) stop.abort()
    return next?.() ?? 0
  }
  const waitAfterFailure = (_: WaxsealError, failures: number): number => failures * 1000
  const parts = { name: 'poll', progress, turn, waitAfterFailure, clock, signal: stop.signal, firstWait }
  const loop = early === undefined ? parts : { ...parts, early }
  return { clock, expected, run: () => runLoop(loop) }
}
