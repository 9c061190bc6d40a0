import t from 'tap'
import { RateLimit } from '../../../../src/server/http/rate-limit.ts'

t.test('a hundred come at once, and fifty more a second later', async (t) => {
  const limit = new RateLimit()
  const takeAll = (now: number): number =>
    Array.from({ length: 200 }, () => limit.take('a', now)).filter(Boolean).length

  t.equal(takeAll(0), 100)
  t.equal(limit.isFree('a', 0), false)
  t.equal(takeAll(1000), 50)
})

t.test('no flood of other keys gives anybody a new bucket, and who came before has room', async (t) => {
  const limit = new RateLimit()
  for (let count = 0; count < 100; count += 1) limit.take('attacker', 0)

  const let1 = Array.from({ length: 50_000 }, (_, at) => limit.take(`flood-${at}`, 0)).filter(Boolean).length

  t.equal(let1, 9_999 + 100, 'those without room share one bucket')
  t.equal(limit.take('attacker', 0), false)
  t.equal(limit.take('flood-0', 0), true)
})

t.test('when the flood is over there is room again', async (t) => {
  const limit = new RateLimit()
  for (let at = 0; at < 50_000; at += 1) limit.take(`flood-${at}`, 0)

  t.equal(limit.take('new', 0), false)
  t.equal(limit.take('new', 2000), true)
  t.equal(limit.take('new', -3_600_000), true, 'a clock that is set back locks nobody out')
})

t.test('one that calls all the time keeps no room from others', async (t) => {
  const limit = new RateLimit()
  limit.take('busy', 0)
  for (let at = 0; at < 50_000; at += 1) limit.take(`flood-${at}`, 0)

  for (let now = 50; now <= 3000; now += 50) limit.take('busy', now)

  t.equal(limit.take('new', 3000), true)
  t.equal(Array.from({ length: 99 }, (_, at) => limit.take(`new-${at}`, 3000)).every(Boolean), true)
  t.equal(Array.from({ length: 99 }, () => limit.take('new', 3000)).every(Boolean), true)
})
