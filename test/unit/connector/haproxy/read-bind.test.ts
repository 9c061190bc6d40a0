import t from 'tap'
import { readBind } from '../../../../src/connector/haproxy/read-bind.ts'

t.test('each way to write an address is understood', async (t) => {
  const placesOf = (where: string, ...words: readonly string[]): readonly string[] =>
    readBind(['bind', where, 'ssl', ...words]).places.map(({ address, port }) => `${address} ${port}`)

  t.same(placesOf(':443'), ['* 443'])
  t.same(placesOf('*:443'), ['* 443'])
  t.same(placesOf('0.0.0.0:443,127.0.0.1:8443'), ['* 443', '127.0.0.1 8443'])
  t.same(placesOf(':::443'), ['all 443'])
  t.same(placesOf(':::443', 'v4v6'), ['all 443'])
  t.same(placesOf('[::]:443', 'v6only'), [':: 443'])
  t.same(placesOf('ipv6@:443', 'v6only'), [':: 443'])
  t.same(placesOf('ipv4@192.0.2.1:443'), ['192.0.2.1 443'])
  t.same(placesOf('2001:DB8::0:1:443'), ['2001:db8::1 443'])
  t.same(placesOf('Localhost:443,ipv6@localhost:443'), ['127.0.0.1 443', '::1 443'])
  t.same(placesOf('127.0.0.1:100-102'), ['127.0.0.1 100', '127.0.0.1 101', '127.0.0.1 102'])
  t.same(placesOf('unix@/run/haproxy.sock'), ['/run/haproxy.sock 0'])
  t.same(placesOf('/run/haproxy.sock'), ['/run/haproxy.sock 0'])
  t.equal(placesOf(':1-65535').length, 256)
})

t.test('what cannot be met over TCP from here has no place', async (t) => {
  for (const where of ['abns@name', 'fd@3', 'sockpair@4', 'quic4@:443', 'unix@relative.sock', ':x', ''])
    t.same(readBind(['bind', where, 'ssl']).places, [], where)
  t.same(readBind(['bind', ':443', 'ssl', 'interface', 'eth1']).places, [])
  t.equal(readBind(['bind', ':80']).isTls, false)
})

t.test('certificates and lists keep their order, and what else decides is told', async (t) => {
  const words =
    'bind :443 ssl crt /a accept-proxy crt-list /l crt /b default-crt /d strict-sni generate-certificates'.split(' ')

  t.match(readBind(words), {
    loads: [
      { kind: 'crt', path: '/d' },
      { kind: 'crt', path: '/a' },
      { kind: 'crt-list', path: '/l' },
      { kind: 'crt', path: '/b' },
    ],
    wantsHeader: true,
    isStrict: true,
    isForging: true,
  })
  t.same(readBind(['bind', ':443', 'ssl', 'crt']).loads, [])
})
