import t from 'tap'
import { addressSet, isAddressOrNetwork } from '../../../../src/host/socket/address-set.ts'

t.test('a set has its addresses and those of its networks, however they are written', async (t) => {
  const set = addressSet(['192.0.2.7', '10.1.0.0/16', '2001:db8:1::/48', 'fd00::1'])

  for (const address of [
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '10.1.255.1',
    '::ffff:10.1.0.0',
    '2001:db8:1::9',
    'fd00:0::1',
  ])
    t.ok(set.has(address), address)
  for (const address of ['192.0.2.8', '10.2.0.1', '2001:db8:2::9', 'fd00::2', 'fe80::1%eth0', '', 'localhost'])
    t.notOk(set.has(address), address)
  t.notOk(addressSet([]).has('127.0.0.1'))
})

t.test('what is neither an address nor a network is told', async (t) => {
  for (const text of ['192.0.2.7', '0.0.0.0/0', '10.0.0.0/8', '::/0', '2001:db8::/128']) t.ok(isAddressOrNetwork(text))
  for (const text of [
    '',
    '/8',
    'lb.example.net',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0/8',
    '::/129',
    '::/-1',
  ])
    t.notOk(isAddressOrNetwork(text), text)
})
