import t from 'tap'
import { databaseClock } from '../../../../../src/server/store/postgres/database-clock.ts'

const second = 1000
/** Milliseconds since 1970, when the clock of this process shows 0. */
const begin = Date.parse('2026-11-01T00:00:00Z')

t.test('between two questions the time goes on as it passes here', async (t) => {
  const { clock, pass, asked } = open()
  t.equal(await clock(), begin)
  pass(9 * second)
  t.equal(await clock(), begin + 9 * second)
  t.equal(asked(), 1)
})

t.test('nobody waits for a question to the database but the first one', async (t) => {
  const { clock, pass, asked, answer, hang } = open()
  await clock()
  pass(11 * second)
  hang()
  t.equal(await clock(), begin + 11 * second, 'it goes on from the last answer')
  pass(second)
  t.equal(await clock(), begin + 12 * second)
  t.equal(asked(), 2, 'one question at a time')

  answer(begin + 20 * second)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(await clock(), begin + 23 * second, 'it told the time in the middle of its six seconds')
})

t.test('a question that fails is no answer, and the first one is asked again', async (t) => {
  const { clock, fail, hang, pass } = open()
  hang()
  const first = clock()
  fail()
  await t.rejects(first, { message: 'away' })
  t.equal(await clock(), begin, 'the next one asks again')

  pass(11 * second)
  hang()
  await clock()
  fail()
  t.equal(await clock(), begin + 11 * second, 'the last answer stands')
})

/** A database whose clock is that of the process, until it hangs. */
function open() {
  let [now, asked] = [0, 0]
  let hung: PromiseWithResolvers<number> | null = null
  const query = async () => {
    asked += 1
    const at = hung === null ? begin + now : await hung.promise
    hung = null
    return [{ now: at }]
  }
  return {
    clock: databaseClock(query, () => now),
    asked: () => asked,
    pass: (ms: number) => {
      now += ms
    },
    hang: () => {
      hung = Promise.withResolvers()
    },
    answer: (at: number) => {
      now += 5 * second
      hung?.resolve(at)
    },
    fail: () => {
      const failing = hung
      hung = null
      failing?.reject(new Error('away'))
    },
  }
}
