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

t.test('without a connection it comes behind a call for work that is near, and waits for no other', async (t) => {
  const beat = new Beat()
  t.notOk(beat.waitsForPoll(0, false), 'none is known to come')
  beat.pollRests(30_000, false)
  t.ok(beat.waitsForPoll(0, false))
  t.notOk(beat.waitsForPoll(0, true), 'it has the connection')
  beat.pollBegins()
  t.notOk(beat.waitsForPoll(0, false), 'a deployment may take as long as it wants')
  beat.pollRests(3_600_000, false)
  t.notOk(beat.waitsForPoll(0, false), 'that is too far away')
  beat.pollRests(3_600_000, true)
  t.ok(beat.waitsForPoll(0, true), 'nothing answers')
})

t.test('one that waits comes as soon as a call for work was answered; after an outage at its own time', async (t) => {
  const beat = new Beat()
  const comes = async (): Promise<boolean> => {
    beat.next(60_000)
    const { early } = beat
    beat.come()
    await soon()
    return early?.aborted ?? true
  }
  t.notOk(await comes(), 'it does not wait')

  beat.pollRests(30_000, false)
  beat.waitsForPoll(0, false)
  t.ok(await comes())
  t.notOk(await comes(), 'once')

  beat.waitsForPoll(0, false)
  beat.pollRests(60_000, true)
  t.notOk(await comes(), 'all of the fleet comes back')
})
