import t from 'tap'
import { nearestKey } from '../../../src/config/nearest-key.ts'

const known = ['state_dir', 'poll_interval', 'policy', 'roots']

t.test('the nearest key is the one with the fewest letters added, dropped or changed', async (t) => {
  t.equal(nearestKey('statedir', known), 'state_dir')
  t.equal(nearestKey('Poll_Interval', known), 'poll_interval')
  t.equal(nearestKey('polcy', known), 'policy')
  t.equal(nearestKey('poolicy', known), 'policy')
  t.equal(nearestKey('root', known), 'roots')
})

t.test('a key that is near to none has no nearest key', async (t) => {
  for (const key of ['', 'x', 'connectors', 'x'.repeat(100_000)]) t.equal(nearestKey(key, known), null)
  t.equal(nearestKey('roots', []), null)
})
