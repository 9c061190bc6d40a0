import t from 'tap'
import { inParallel } from '../../../src/deployer/in-parallel.ts'

t.test('at most so many items are worked on at the same time, begun in their order', async (t) => {
  const begun: number[] = []
  let running = 0
  let most = 0

  await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item)
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
  })

  t.same(begun, [1, 2, 3, 4, 5])
  t.equal(most, 2)
})

t.test('a slow item does not hold back those behind it', async (t) => {
  const ended: string[] = []
  const slow = Promise.withResolvers<void>()

  const all = inParallel(['slow', 'a', 'b'], 2, async (item) => {
    if (item === 'slow') await slow.promise
    ended.push(item)
    if (item === 'b') slow.resolve()
  })
  await all

  t.same(ended, ['a', 'b', 'slow'])
})

t.test('no items are no work', async (t) => {
  await t.resolves(inParallel([], 4, () => Promise.reject(new Error('called'))))
})
