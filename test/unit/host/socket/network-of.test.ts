import t from 'tap'
import { networkOf } from '../../../../src/host/socket/network-of.ts'

t.test('one /64 of IPv6 is one caller, however its addresses are written', async (t) => {
  const one = networkOf('2001:db8::1')
  for (const address of ['2001:db8::2', '2001:db8:0:0:ffff::1', '2001:db8:0:0:1:2:3:4', '2001:0db8:0000::%eth0'])
    t.equal(networkOf(address), one, address)
  for (const address of ['2001:db8:0:1::1', '2001:db9::1', '::1']) t.not(networkOf(address), one, address)
})

t.test('an IPv4 address is one caller, also where a listener for both writes it as IPv6', async (t) => {
  t.equal(networkOf('::ffff:192.0.2.1'), networkOf('192.0.2.1'))
  t.equal(networkOf('::ffff:c000:201'), networkOf('192.0.2.1'))
  t.not(networkOf('::ffff:192.0.2.2'), networkOf('192.0.2.1'))
})

t.test('whose connection is gone has no address', async (t) => {
  t.equal(networkOf(undefined), networkOf(''))
})
