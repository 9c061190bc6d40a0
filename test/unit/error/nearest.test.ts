import t from 'tap'
import { nearest } from '../../../src/error/nearest.ts'

const known = ['state_dir', 'poll_interval', 'policy', 'roots']

t.test('the nearest word is the one with the fewest letters added, dropped or changed', async (t) => {
  t.equal(nearest('statedir', known), 'state_dir')
  t.equal(nearest('Poll_Interval', known), 'poll_interval')
  t.equal(nearest('polcy', known), 'policy')
  t.equal(nearest('poolicy', known), 'policy')
  t.equal(nearest('root', known), 'roots')
})

t.test('a key that is near to none has no nearest word', async (t) => {
  for (const key of ['', 'x', 'connectors', 'x'.repeat(100_000)]) t.equal(nearest(key, known), null)
  t.equal(nearest('roots', []), null)
})
