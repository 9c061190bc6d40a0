import t from 'tap'
import { asName, isSameName, isWithin, parentOf } from '../../../src/dns/name.ts'

t.test('a name is in lower case, without the dot at the end', async (t) => {
  t.equal(asName('_25._tcp.MX.Example.org.'), '_25._tcp.mx.example.org')
})

t.test('what no host is called is no name', async (t) => {
  for (const text of [
    '',
    '.',
    'a..b',
    '*.a',
    'a b',
    'a\\.b',
    'ä.de',
    '-a.b',
    `${'a'.repeat(64)}.b`,
    'a.'.repeat(127) + 'bb',
    'a\n',
  ])
    t.equal(asName(text), null, text)
})

t.test('a name is in its own zone and in each above, by whole labels', async (t) => {
  t.ok(isWithin('example.org', 'example.org'))
  t.ok(isWithin('a.example.org', 'example.org'))
  t.notOk(isWithin('badexample.org', 'example.org'))
  t.equal(parentOf('a.example.org'), 'example.org')
  t.equal(parentOf('org'), null)
  t.ok(isSameName('A.example.', 'a.EXAMPLE'))
})
