import t from 'tap'
import { proxyHeader } from '../../../../src/host/socket/proxy-header.ts'

const ipv4 = { source: { address: '192.0.2.1', port: 40_000 }, destination: { address: '198.51.100.7', port: 25 } }
const ipv6 = { source: { address: '2001:db8::1', port: 1 }, destination: { address: '::ffff:192.0.2.1', port: 65_535 } }
const signature = '0d0a0d0a000d0a515549540a'

t.test('version 1 is one line of text', async (t) => {
  t.equal(proxyHeader(1, ipv4).toString(), 'PROXY TCP4 192.0.2.1 198.51.100.7 40000 25\r\n')
  t.equal(proxyHeader(1, ipv6).toString(), 'PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 65535\r\n')
  t.equal(proxyHeader(1, null).toString(), 'PROXY UNKNOWN\r\n')
})

t.test('version 2 is the signature, the command, the family, and addresses with ports', async (t) => {
  t.equal(proxyHeader(2, ipv4).toString('hex'), `${signature}2111000cc0000201c63364079c400019`)
  t.equal(
    proxyHeader(2, ipv6).toString('hex'),
    `${signature}2121002420010db800000000000000000000000100000000000000000000ffffc00002010001ffff`,
  )
  t.equal(proxyHeader(2, null).toString('hex'), `${signature}20000000`)
})

t.test('every way to write an IPv6 address gives its 16 bytes, without its zone', async (t) => {
  const bytesOf = (address: string): string => {
    const end = { address, port: 0 }
    return proxyHeader(2, { source: end, destination: end }).toString('hex').slice(32, 64)
  }

  t.equal(bytesOf('::'), '0'.repeat(32))
  t.equal(bytesOf('::1'), `${'0'.repeat(31)}1`)
  t.equal(bytesOf('fe80::1%eth0'), `fe80${'0'.repeat(27)}1`)
  t.equal(bytesOf('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  t.equal(bytesOf('1::'), `0001${'0'.repeat(28)}`)
})
