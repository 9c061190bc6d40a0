import t from 'tap'
import { isAskable, type Socket, wiringOf } from '../../../../src/connector/wiring/sockets.ts'
import { ipv6Loopback, recordedHost } from '../recorded-host.ts'

const fibTrie = {
  '/proc/self/net/fib_trie': {
    text: 'Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n',
    mode: 0o444,
  },
}
const host = recordedHost({}, { ...ipv6Loopback, ...fibTrie })
const files = [{ path: '/srv/site.pem', role: 'bundle' }] as const

t.test('a socket on all addresses is met once in each family that it has', async (t) => {
  t.same(await metAt([{ address: '*' }]), ['127.0.0.1'])
  t.same(await metAt([{ address: '::' }]), ['::1'])
  t.same(await metAt([{ address: 'all' }]), ['127.0.0.1', '::1'])
  t.same(await metAt([{ address: 'all' }, { address: '*' }]), ['::1', '127.0.0.1'])
})

t.test('an address with a socket of its own is not asked for the socket on all addresses', async (t) => {
  t.same(await metAt([{ address: '127.0.0.1' }, { address: '*' }, { address: '127.0.0.2' }]), [
    '127.0.0.1',
    '127.0.0.3',
    '127.0.0.2',
  ])
  t.same(await metAt([{ address: '127.0.0.1', port: 444 }, { address: '*' }]), ['127.0.0.1', '127.0.0.1'])
  t.same(await metAt([{ address: '::1' }, { address: '::' }]), ['::1'])
})

t.test('an address that the host does not have is not met; one that it has, and a name, are', async (t) => {
  const addresses = ['192.0.2.7', '192.0.2.8', '2001:db8::1', 'www.example.net', '127.0.0.53'].map((address) => ({
    address,
  }))

  t.same(await metAt(addresses), ['192.0.2.7', 'www.example.net', '127.0.0.53'])
})

t.test("localhost is 127.0.0.1, and ::1 is nobody's beside it, for hosts(5) may name both", async (t) => {
  t.same(await metAt([{ address: 'localhost' }, { address: 'all' }]), ['127.0.0.1', '127.0.0.2'])
  t.same(await metAt([{ address: 'localhost', port: 444 }, { address: 'all' }]), ['127.0.0.1', '127.0.0.1', '::1'])
})

t.test('a name that may be another address of its port leaves open who answers', async (t) => {
  const provenOf = async (...addresses: readonly string[]): Promise<readonly string[]> => {
    const sockets = addresses.map((address) => socket({ address }))
    const { listeners, doubts } = await wiringOf(sockets, { named: [], doubts: [] }, host)
    t.same(doubts, [])
    for (const { doubt, unproven } of listeners) t.equal(doubt?.startsWith('It listens on a name'), unproven)
    return listeners.flatMap((listener) => (listener.unproven === true ? [] : [listener.host]))
  }

  t.same(await provenOf('www.example.net'), ['www.example.net'])
  t.same(await provenOf('www.example.net', 'all'), ['www.example.net'])
  t.same(await provenOf('www.example.net', '192.0.2.7'), [])
  t.same(await provenOf('www.example.net', 'localhost'), [])
  t.same(await provenOf('www.example.net', 'mail.example.net'), [])
})

t.test('a Unix socket is met where daemons keep theirs', async (t) => {
  t.same(await metAt([{ address: '/run/nginx.sock' }, { address: '/srv/nginx.sock' }]), ['/run/nginx.sock'])
})

t.test('of two readers of one name the first answers, and a reader without files is no listener', async (t) => {
  const other = [{ path: '/srv/other.pem', role: 'bundle' }] as const
  const readers = [
    { servername: 'a.test', files },
    { servername: 'a.test', files: other },
    { servername: 'b.test', files: [], doubt: 'It cannot be told.' },
  ]

  const wiring = await wiringOf([socket({ readers })], { named: ['/srv/client.pem'], doubts: [] }, host)

  t.match(wiring.listeners, [{ servername: 'a.test', files }])
  t.equal(wiring.listeners.length, 1)
  t.same(wiring.named, ['/srv/site.pem', '/srv/other.pem', '/srv/client.pem'])
  t.same(wiring.doubts, ['It cannot be told.'])
})

t.test('settings of any size make no more listeners than can be looked at, and that is told', async (t) => {
  const readers = Array.from({ length: 8000 }, (_, index) => ({ servername: `n${index}.test`, files }))
  const sockets = [1, 2, 3].map((port) => socket({ port, readers }))

  const wiring = await wiringOf(sockets, { named: [], doubts: [] }, host)

  t.equal(wiring.listeners.length, 20_000)
  t.match(wiring.doubts, [/more names/])
})

t.test('a name can be asked for where it is one; a pattern where it stands for what is below a name', async (t) => {
  for (const name of ['www.example.net', 'localhost', '*.example.net', 'xn--4ca.test']) t.ok(isAskable(name), name)
  for (const name of ['_', '', '*', 'mail.*', '~^a$', '192.0.2.1', 'a b', '$host', '**.x'])
    t.notOk(isAskable(name), name)
})

function socket(changes: Partial<Socket>): Socket {
  return { name: 'http', address: '*', port: 443, protocol: 'tls', readers: [{ servername: null, files }], ...changes }
}

async function metAt(sockets: readonly Partial<Socket>[]): Promise<readonly string[]> {
  const { listeners } = await wiringOf(sockets.map(socket), { named: [], doubts: [] }, host)
  return listeners.map((listener) => listener.host)
}
