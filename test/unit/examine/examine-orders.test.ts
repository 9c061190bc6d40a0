import { join } from 'node:path'
import t from 'tap'
import { openOrderMemory } from '../../../src/deployer/order/order-memory.ts'
import { examineOrders } from '../../../src/examine/examine-orders.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { makeSigner, orderedHost, orderFor, orderTime } from '../../support/orders.ts'

const dayMs = 86_400_000

t.test(
  'an order that ends soon is told before it has ended, with its target, and that of a forgotten one is not',
  async (t) => {
    const dir = t.testdir()
    const engine = await openTestEngine(dir, [], { orders: { keys: [makeSigner().spki], host: orderedHost } })
    const orders = await openOrderMemory(join(dir, 'orders'))
    const look = () => examineOrders({ ...engine, orders }, [{ target: 'target-1' }])
    const take = (id: string, days: number, sequence: number) =>
      orders.take(
        orderFor(
          { id, name: `name of ${id}`, type: 'Postfix', config: {} },
          {
            sequence,
            not_before: orderTime(-100 * dayMs),
            not_after: orderTime(days * dayMs),
          },
        ),
      )

    t.match(await look(), [{ what: 'orders', verdict: 'ok', detail: /a job for mx1\.example\.net .* 0 taken/ }])
    await take('target-2', -1, 1)
    await take('target-1', -1, 1)
    t.match(await look(), [{ verdict: 'failed', detail: /name of target-1 \(20.*add-order/ }])
    await take('target-1', 20, 2)
    t.match(await look(), [{ verdict: 'warning', detail: /^(?!.*target-2).*name of target-1/ }])
    await take('target-1', 200, 3)
    t.match(await look(), [{ verdict: 'ok', detail: /1 taken/ }])
    t.same(await examineOrders({ ...engine, orders, policy: { ...engine.policy, orders: null } }, []), [])
  },
)
