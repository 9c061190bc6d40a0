import t from 'tap'
import { OrderRounds } from '../../../../src/deployer/own/order-rounds.ts'

const minuteMs = 60_000

t.test('an order is counted once, though it is signed again for a nonce and for what it replaces', async (t) => {
  const rounds = new OrderRounds()

  t.same(
    [0, 1, 2, 3].map((now) => rounds.isNewOrder('leaf', now)),
    [true, false, false, true],
  )
  t.ok(rounds.isNewOrder('other', 0))
})

t.test('an order after ten minutes, after a CSR, or after a clock that was ahead is another one', async (t) => {
  const rounds = new OrderRounds()
  rounds.isNewOrder('leaf', 0)

  t.ok(rounds.isNewOrder('leaf', 10 * minuteMs))
  rounds.madeRequest('leaf', 'csr')
  t.ok(rounds.isNewOrder('leaf', 10 * minuteMs))
  t.ok(rounds.isNewOrder('leaf', 0))
})

t.test('the newest CSR of each leaf that is due is known, and no other', async (t) => {
  const rounds = new OrderRounds()
  for (const csr of ['first', 'second']) rounds.madeRequest('leaf', csr)
  rounds.madeRequest('gone', 'third')
  rounds.isNewOrder('leaf', 0)

  rounds.keep(new Set(['leaf']))

  t.same(
    ['first', 'second', 'third'].map((csr) => rounds.isOfRequest(csr)),
    [false, true, false],
  )
})
