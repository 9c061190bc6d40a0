import t from 'tap'
import { isOnLoopback, parseServer, writeServer } from '../../../src/dns/server-address.ts'

t.test('an address with or without a port is a server, and is written as it was read', async (t) => {
  for (const text of ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:5353']) {
    const server = parseServer(text)
    t.equal(server === null ? null : writeServer(server), text)
  }
  t.same(parseServer('[::1]'), { address: '::1', port: 53 })
})

t.test('anything else is none', async (t) => {
  for (const text of [
    '',
    'dns.example.org',
    '192.0.2.1:',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '192.0.2.0/24',
    '[192.0.2.1',
    '300.0.0.1',
  ])
    t.equal(parseServer(text), null, text)
})

t.test('only 127.0.0.0/8 and ::1 are on loopback', async (t) => {
  const at = (address: string): boolean => isOnLoopback({ address, port: 53 })

  t.same(['127.0.0.1', '127.5.3.1', '::1'].map(at), [true, true, true])
  t.same(['192.0.2.1', '1.127.0.0', '::2', '::ffff:192.0.2.1', '127.example'].map(at), [
    false,
    false,
    false,
    false,
    false,
  ])
})
