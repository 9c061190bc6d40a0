import t from 'tap'
import { isInNetwork } from '../../../../src/connector/wiring/address-in.ts'

t.test('an address is in the networks that hold it, however they are written', async (t) => {
  for (const [address, network] of [
    ['127.0.0.1', '127.0.0.0/8'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '0.0.0.0/0'],
    ['::1', '::1/128'],
    ['::1', '[::1]'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:db8::9', '2001:DB8::/32'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.0/104'],
  ] as const)
    t.ok(isInNetwork(address, network), `${address} in ${network}`)
})

t.test('an address is in no network of another, and in nothing that is none', async (t) => {
  for (const [address, network] of [
    ['127.0.0.1', '10.0.0.0/8'],
    ['127.0.0.1', '::/0'],
    ['::1', '0.0.0.0/0'],
    ['127.0.0.1', ''],
    ['127.0.0.1', 'localhost'],
    ['127.0.0.1', '127.0.0.256'],
    ['::1', '1:2:3'],
    ['::1', '::1::'],
    ['localhost', '127.0.0.0/8'],
    ['127.0.0.1', ':'.repeat(100_000)],
  ] as const)
    t.notOk(isInNetwork(address, network), `${address} in ${network.slice(0, 20)}`)
})
