import t from 'tap'
import { Beat } from '../../../src/courier/beat.ts'

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('a heartbeat that would be due during a call that waits comes before it, another one does not', async (t) => {
  const beat = new Beat()
  beat.makeWayFor(0)
  await soon()
  t.ok(beat.early, 'none is due')

  beat.next(60_000)
  beat.makeWayFor(10_000)
  await soon()
  const { early } = beat
  t.notOk(early?.aborted ?? true)
  beat.makeWayFor(30_000)
  await soon()
  t.ok(early?.aborted)
  t.equal(beat.early, undefined, 'one that fails is not begun again at once')

  beat.next(120_000)
  t.notOk(beat.early?.aborted ?? true)
})
