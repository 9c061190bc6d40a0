import t from 'tap'
import { Drain } from '../../../../src/server/http/drain.ts'

t.test('a server whose readiness nobody asks for waits for nobody', async (t) => {
  const drain = new Drain()
  t.notOk(drain.isBegun)
  await drain.begin()
  t.ok(drain.isBegun)
})

t.test('one that a load balancer asks goes on taking connections until that has been told three times', async (t) => {
  const drain = new Drain()
  t.equal(drain.ask(), false)
  let isOver = false
  const over = drain.begin().then(() => {
    isOver = true
  })
  t.same([drain.ask(), drain.ask()], [true, true])
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(isOver)
  drain.ask()
  await over
  t.ok(isOver)
})
