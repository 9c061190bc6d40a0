import t from 'tap'
import { areShares, wavesOf } from '../../../../src/server/rollout/waves.ts'

const hostsOf = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `id-${at}`, name: `mail-${at}` }))
const sizes = (waves: readonly (readonly string[])[]): readonly number[] => waves.map(({ length }) => length)

t.test('the named hosts are the first wave, then shares of all hosts are full', async (t) => {
  const waves = wavesOf(hostsOf(1000), { first: ['id-7', 'id-3'], shares: [5, 25, 100] }, 'seed')

  t.same(sizes(waves), [2, 48, 200, 750])
  t.same(waves[0]?.toSorted(), ['id-3', 'id-7'])
  t.equal(new Set(waves.flat()).size, 1000)
})

t.test('a share is at least one host, and a wave for which nothing is left is no wave', async (t) => {
  t.same(sizes(wavesOf(hostsOf(3), { first: [], shares: [5, 25, 100] }, 's')), [1, 2])
  t.same(sizes(wavesOf(hostsOf(3), { first: ['id-0', 'id-1'], shares: [5, 25, 100] }, 's')), [2, 1])
  t.same(sizes(wavesOf(hostsOf(2), { first: ['id-0', 'id-1'], shares: [100] }, 's')), [2])
  t.same(wavesOf([], { first: [], shares: [100] }, 's'), [])
  t.same(sizes(wavesOf(hostsOf(7), { first: [], shares: [0.1, 100] }, 's')), [1, 6])
})

t.test('the same seed draws the same hosts, another draws others, and neither the first by name', async (t) => {
  const first = (seed: string) => wavesOf(hostsOf(1000), { first: [], shares: [2, 100] }, seed)[0]

  t.same(first('a'), first('a'))
  t.strictNotSame(first('a'), first('b'))
  t.notSame(
    first('a')?.toSorted(),
    hostsOf(20)
      .map(({ id }) => id)
      .toSorted(),
  )
})

t.test('shares grow and end with 100', async (t) => {
  for (const shares of [[100], [5, 25, 100], [0.5, 100]]) t.ok(areShares(shares))
  for (const shares of [[], [5], [25, 5, 100], [5, 5, 100], [0, 100], [5, 100, 101], [-1, 100]])
    t.notOk(areShares(shares))
})
