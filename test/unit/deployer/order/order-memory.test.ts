import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openOrderMemory } from '../../../../src/deployer/order/order-memory.ts'
import type { StandingOrder } from '../../../../src/order/standing-order.ts'
import { orderFor } from '../../../support/orders.ts'

function order(id: string, sequence: number, names = ['mail.example.net']): StandingOrder {
  return orderFor({ id, name: id, type: 'Postfix', config: {} }, { sequence, names })
}

t.test('of orders that come at once the highest stays, and each target has its own', async (t) => {
  const path = join(t.testdir(), 'orders')
  const memory = await openOrderMemory(path)
  const ends = await Promise.allSettled([3, 5, 4, 5].map((sequence) => memory.take(order('a', sequence))))

  t.same(
    ends.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  await memory.take(order('b', 1))
  await memory.take(order('../../a', 1))
  const taken = await (await openOrderMemory(path)).list()
  t.same(taken.map(({ target, sequence }) => `${target} ${sequence}`).toSorted(), ['../../a 1', 'a 5', 'b 1'])
  t.equal((await readdir(path)).length, 3)
})

t.test('a document that is torn is set aside, and no other target forgets its sequence by it', async (t) => {
  const path = join(t.testdir(), 'orders')
  const memory = await openOrderMemory(path)
  for (const id of ['a', 'b']) await memory.take(order(id, 5))
  await writeFile(join(path, 'b.json'), '{"v":1')
  const again = await openOrderMemory(path)

  t.same(
    (await again.list()).map(({ target }) => target),
    ['a'],
  )
  await t.rejects(again.take(order('a', 4)), { code: 'ORDER_SUPERSEDED', details: { highest: 5 } })
})

t.test('an order that the disk does not take is not taken, and its job waits', async (t) => {
  const full = async (): Promise<never> => {
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  }
  const module = await t.mockImport<typeof import('../../../../src/deployer/order/order-memory.ts')>(
    '../../../../src/deployer/order/order-memory.ts',
    {
      '../../../../src/host/file/folder/document-folder.ts': {
        openDocumentFolder: async () => ({ get: async () => null, put: full, list: async () => [] }),
      },
    },
  )
  const memory = await module.openOrderMemory('/nowhere')

  await t.rejects(memory.take(order('a', 1)), { code: 'SPOOL_FULL', retry: 'backoff' })
})
