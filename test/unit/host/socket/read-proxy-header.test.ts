import { isIP } from 'node:net'
import t from 'tap'
import { proxyHeader, type TcpEnd } from '../../../../src/host/socket/proxy-header.ts'
import { readProxyHeader } from '../../../../src/host/socket/read-proxy-header.ts'
import { mutateBytes } from '../../../hostile/support/mutate.ts'
import { openRandom } from '../../../hostile/support/random.ts'

const ipv4 = { source: { address: '192.0.2.1', port: 40_000 }, destination: { address: '198.51.100.7', port: 25 } }
const ipv6 = { source: { address: '2001:db8::1', port: 1 }, destination: { address: '2001:db8::2', port: 65_535 } }
const rest = Buffer.from('\x16\x03\x01 what TLS begins with')

t.test('what a proxy writes is read, of either version, and what comes behind it is not touched', async (t) => {
  const sourceOf = (header: Buffer): TcpEnd | null | string => {
    const read = readProxyHeader(Buffer.concat([header, rest]))
    if (typeof read === 'string') return read
    t.equal(read.length, header.length)
    return read.source
  }
  for (const version of [1, 2] as const) {
    t.same(sourceOf(proxyHeader(version, ipv4)), ipv4.source)
    t.equal(sourceOf(proxyHeader(version, null)), null)
  }
  t.same(sourceOf(proxyHeader(1, ipv6)), ipv6.source)
  t.same(sourceOf(proxyHeader(2, ipv6)), { address: '2001:db8:0:0:0:0:0:1', port: 1 })
  t.equal(sourceOf(Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n')), null)
  t.equal(sourceOf(v2(0x21, 0x00, 'anything at all')), null, 'of no known family')
  t.equal(sourceOf(v2(0x21, 0x31, 'x'.repeat(216))), null, 'of a Unix socket')
  t.equal(sourceOf(v2(0x20, 0x11, 'x'.repeat(12))), null, 'the proxy asks for itself')
})

t.test('version 2 may say more behind the addresses', async (t) => {
  const header = proxyHeader(2, ipv4)
  const more = Buffer.from('\x04\x00\x04more')
  header.writeUInt16BE(12 + more.length, 14)

  t.same(readProxyHeader(Buffer.concat([header, more, rest])), {
    length: header.length + more.length,
    source: ipv4.source,
  })
})

t.test('an IPv4 address in the form of IPv6 is the IPv4 address', async (t) => {
  const mapped = { address: '::ffff:192.0.2.1', port: 5 }
  t.same(readProxyHeader(proxyHeader(2, { source: mapped, destination: mapped })), {
    length: 52,
    source: { address: '192.0.2.1', port: 5 },
  })
})

t.test('until the last byte there may be more', async (t) => {
  for (const header of [proxyHeader(1, ipv4), proxyHeader(1, ipv6), proxyHeader(2, ipv4), proxyHeader(2, ipv6)])
    for (let length = 0; length < header.length; length += 1)
      t.equal(readProxyHeader(header.subarray(0, length)), 'more')
})

t.test('what is no header is none as soon as that can be seen, and none is waited for without end', async (t) => {
  for (const text of [
    '\x16\x03\x01\x02\x00',
    'GET / HTTP/1.1\r\n',
    'PROXX',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 65536 2\r\n',
    'PROXY TCP4 192.0.2.999 198.51.100.7 1 2\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n',
    'PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY UNKNOWN\r\r\n',
    `PROXY ${'x'.repeat(101)}`,
    `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`,
    '\r\n\r\n\0\r\nQUIX',
  ])
    t.equal(readProxyHeader(Buffer.from(text, 'latin1')), 'none', text)
  t.equal(readProxyHeader(v2(0x11, 0x11, 'x'.repeat(12))), 'none', 'another version')
  t.equal(readProxyHeader(v2(0x22, 0x11, 'x'.repeat(12))), 'none', 'another command')
  t.equal(readProxyHeader(v2(0x21, 0x11, 'x'.repeat(11))), 'none', 'an address that is cut off')
  t.equal(readProxyHeader(v2(0x21, 0x21, 'x'.repeat(35))), 'none', 'an address that is cut off')
  const long = v2(0x21, 0x11, '')
  long.writeUInt16BE(65_535, 14)
  t.equal(readProxyHeader(long), 'none', 'more than anybody says')
})

t.test(
  'whatever comes, what is read is whole and an address, and no more is waited for than a header has',
  async (t) => {
    const random = openRandom(11)
    const broken: string[] = []
    for (let count = 0; count < 20_000; count += 1) {
      const header = proxyHeader(random.pick([1, 2] as const), random.pick([ipv4, ipv6, null]))
      const bytes = mutateBytes(Buffer.concat([header, rest]), random)
      const read = readProxyHeader(bytes)
      const isWhole =
        typeof read === 'string'
          ? read === 'none' || bytes.length < 4096
          : read.length <= bytes.length &&
            (read.source === null ||
              (isIP(read.source.address) > 0 && read.source.port >= 0 && read.source.port <= 65_535))
      if (!isWhole) broken.push(bytes.toString('hex'))
    }
    t.same(broken, [])
  },
)

function v2(command: number, family: number, body: string): Buffer {
  const head = Buffer.from(`\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(command, family, 0, body.length)}`, 'latin1')
  return Buffer.concat([head, Buffer.from(body, 'latin1')])
}
