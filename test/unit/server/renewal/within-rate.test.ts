import t from 'tap'
import { withinRate } from '../../../../src/server/renewal/within-rate.ts'

t.test('what is within the rate stays as it is', async (t) => {
  t.same(withinRate([1, 2, 3, 20], { most: 3, perMs: 10 }), [1, 2, 3, 20])
  t.same(withinRate([5, 5, 5, 5], null), [5, 5, 5, 5])
})

t.test('what is above it waits until there is room, in order', async (t) => {
  t.same(withinRate([1, 1, 1, 1, 1, 12], { most: 2, perMs: 10 }), [1, 1, 11, 11, 21, 21])
})
