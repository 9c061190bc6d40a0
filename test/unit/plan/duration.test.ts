import t from 'tap'
import { parseDuration } from '../../../src/plan/duration.ts'

t.test('strings carry their unit, integers are nanoseconds', async (t) => {
  t.equal(parseDuration('2s'), 2000)
  t.equal(parseDuration('500ms'), 500)
  t.equal(parseDuration('1m30s'), 90_000)
  t.equal(parseDuration(2_000_000_000), 2000)
})

t.test('anything else is refused', async (t) => {
  for (const value of ['', '5', 's', '-1s', '1s ', Number.NaN, -1]) t.throws(() => parseDuration(value), RangeError)
})
