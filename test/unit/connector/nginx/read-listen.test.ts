import t from 'tap'
import { readListen } from '../../../../src/connector/nginx/read-listen.ts'

t.test('each way to write a listen is understood', async (t) => {
  const placesOf = (...words: readonly string[]): readonly string[] =>
    readListen(words).map(({ address, port }) => `${address} ${port}`)

  t.same(placesOf('443', 'ssl'), ['* 443'])
  t.same(placesOf('*:8443'), ['* 8443'])
  t.same(placesOf('0.0.0.0:443'), ['* 443'])
  t.same(placesOf('192.0.2.1'), ['192.0.2.1 80'])
  t.same(placesOf('[::]:443'), [':: 443'])
  t.same(placesOf('[2001:DB8:0::1]:443'), ['2001:db8::1 443'])
  t.same(placesOf('Mail.example.net:443'), ['mail.example.net 443'])
  t.same(placesOf('unix:/run/nginx.sock', 'ssl'), ['/run/nginx.sock 0'])
  t.same(placesOf('127.0.0.1:8000-8002'), ['127.0.0.1 8000', '127.0.0.1 8001', '127.0.0.1 8002'])
  t.same(placesOf('443', 'quic', 'reuseport'), [])
  t.same(placesOf('53', 'udp'), [])
  t.equal(placesOf('1-65535').length, 256)
  t.same(placesOf('9-1'), [])
})
