import t from 'tap'
import { mayMake, nextTry } from '../../../src/notice/notice-pace.ts'

const minuteMs = 60_000

t.test('a flood makes twelve messages an hour, and one a minute', async (t) => {
  const made: number[] = []
  for (let now = 0; now < 120 * minuteMs; now += 1000) if (mayMake(made, now)) made.push(now)

  t.equal(made.length, 24)
  t.ok(made.every((at, place) => place === 0 || at - (made[place - 1] ?? 0) >= minuteMs))
})

t.test('a clock that was ahead keeps nobody from being told', async (t) => {
  t.ok(mayMake([1e12], 0))
})

t.test('a message is tried again after a minute, then more seldom, for two days', async (t) => {
  t.same(
    [1, 2, 3, 7, 50].map((attempts) => nextTry(attempts, 0)),
    [1, 2, 4, 60, 60].map((minutes) => minutes * minuteMs),
  )
  t.equal(nextTry(50, 48 * 60 * minuteMs), null)
})
