import t from 'tap'
import { inTurn } from '../../../../src/server/operation/certificate/in-turn.ts'

t.test('so many pieces are under way at once, in the order in which they came', async (t) => {
  const turn = inTurn(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const all = [0, 1, 2, 3].map((piece) =>
    turn(() => {
      begun.push(piece)
      return new Promise<void>((resolve) => ends.push(resolve))
    }),
  )
  await loopTurns(5)
  t.same(begun, [0, 1])

  ends[1]?.()
  await loopTurns(5)
  t.same(begun, [0, 1, 2])

  ends[0]?.()
  await loopTurns(5)
  for (const end of ends) end()
  await Promise.all(all)
  t.same(begun, [0, 1, 2, 3])
})

t.test('before each piece all that has arrived is served', async (t) => {
  const turn = inTurn(1)
  const order: string[] = []
  const pieces = [1, 2, 3].map((piece) => turn(async () => order.push(`piece ${piece}`)))
  setImmediate(() => order.push('what arrived'))

  await Promise.all(pieces)

  t.same(order, ['piece 1', 'what arrived', 'piece 2', 'piece 3'])
})

t.test('a piece that fails leaves its place to the next', async (t) => {
  const turn = inTurn(1)
  const failed = turn(() => Promise.reject(new Error('as tests want it')))

  await t.rejects(failed, { message: 'as tests want it' })
  t.equal(await turn(async () => 'next'), 'next')
})

t.test('where five thousand wait the next one is to come again', async (t) => {
  const turn = inTurn(1)
  const waiting = Array.from({ length: 5001 }, () => turn(async () => 'done'))

  await t.rejects(
    turn(async () => 'done'),
    { message: 'too many CSRs wait; send it again' },
  )
  t.equal((await Promise.all(waiting)).length, 5001)
})

async function loopTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
