import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { LookTurns } from '../../../src/verify/look-turns.ts'

/** Looks that end when they are told to. */
function open() {
  const turns = new LookTurns()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const take = (address: string, name: string): Promise<string> =>
    turns.take(address, async () => {
      begun.push(name)
      await new Promise<void>((resolve) => void ends.set(name, resolve))
      return name
    })
  return { turns, begun, take, end: (name: string) => ends.get(name)?.() }
}

function named(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `look ${index + 1}`)
}

t.test(
  'twelve looks at one address run at the same time, and one more for each that ends, the first come first',
  async (t) => {
    const { begun, take, end } = open()
    const looks = named(14).map((name) => take('127.0.0.1:25', name))
    await setImmediate()
    t.same(begun, named(12))

    end('look 5')
    t.equal(await looks[4], 'look 5')
    await setImmediate()
    t.same(begun, named(13))

    end('look 1')
    await setImmediate()
    t.same(begun, named(14))
    for (const name of named(14)) end(name)
    t.same(await Promise.all(looks), named(14))
  },
)

t.test('looks at other addresses wait for none', async (t) => {
  const { begun, take, end } = open()
  const looks = named(12).map((name) => take('127.0.0.1:25', name))
  const other = take('127.0.0.1:465', 'other')
  await setImmediate()

  t.ok(begun.includes('other'))

  for (const name of [...named(12), 'other']) end(name)
  await Promise.all([...looks, other])
})

t.test('a server that hangs keeps no other look waiting for long', async (t) => {
  const { begun, take, end } = open()
  const looks = named(12).map((name) => take('127.0.0.1:25', name))
  const next = take('127.0.0.1:25', 'next')
  const seen = new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (!begun.includes('next')) return
      clearInterval(look)
      resolve()
    })
  })

  await seen

  t.equal(begun.length, 13)
  for (const name of [...named(12), 'next']) end(name)
  await Promise.all([...looks, next])
})

t.test('a look that fails leaves its turn to the next', async (t) => {
  const { turns, begun, take, end } = open()
  const failing = named(12).map(() => turns.take('::1 25', () => Promise.reject(new Error('refused'))))
  const next = take('::1 25', 'next')
  await Promise.allSettled(failing)
  await setImmediate()

  t.same(begun, ['next'])

  end('next')
  await next
})
