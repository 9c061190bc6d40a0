import t from 'tap'
import { Hurry } from '../../../src/courier/hurry.ts'

t.test('after a request that is signed in the background the polls come soon, and then as usual', async (t) => {
  const hurry = new Hurry()

  const waits = [1, 0, 0, 0, 0, 0, 0].map((accepted) => hurry.next(accepted, 30_000))

  t.same(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

t.test('a server that signs within the call is asked as usual', async (t) => {
  t.equal(new Hurry().next(0, 30_000), 30_000)
})
