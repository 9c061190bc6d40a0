import t from 'tap'
import { readHeard } from '../../../src/control-plane/heard.ts'

t.test('nothing is taken of a server that has not said that it knows it', async (t) => {
  for (const answer of [
    null,
    7,
    [],
    {},
    { cancel: ['job-1'], ca_pem: 'pem' },
    { features: 'lease', cancel: ['job-1'] },
  ]) {
    const { features, cancel, caPem } = readHeard(answer)
    t.same([features.size, cancel, caPem], [0, [], null], JSON.stringify(answer))
  }
})

t.test('a field that is malformed is as good as none, and costs no other', async (t) => {
  const features = ['cancel', 'ca_pem', 'lease', 'invented']

  t.match(readHeard({ features, cancel: ['job-1'], ca_pem: 7 }), { cancel: ['job-1'], caPem: null })
  t.match(readHeard({ features, cancel: [''], ca_pem: 'pem' }), { cancel: [], caPem: 'pem' })
  t.same(readHeard({ features, ca_pem: 'x'.repeat(65_537) }).caPem, null)
  t.ok(readHeard({ features }).features.has('lease'))
})

t.test('a pace is taken of a server that knows calls that wait, and only if it is one', async (t) => {
  const told = (answer: object) => {
    const { pollIntervalMs, splayMs } = readHeard(answer)
    return [pollIntervalMs, splayMs]
  }

  t.same(told({ features: ['wait'], poll_interval: 90, splay: 12 }), [90_000, 12_000])
  t.same(told({ features: ['lease'], poll_interval: 90, splay: 12 }), [null, null])
  for (const value of ['90', -1, null, [], {}, true])
    t.same(told({ features: ['wait'], poll_interval: value, splay: value }), [null, null], JSON.stringify(value))
  t.same(told({ features: ['wait'], poll_interval: 1e300, splay: 301 }), [1e303, null])
})
