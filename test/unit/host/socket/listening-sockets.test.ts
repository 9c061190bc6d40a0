import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { countListening } from '../../../../src/host/socket/listening-sockets.ts'

async function listen(t: Test, host: string, port = 0): Promise<number> {
  const server = createServer().listen({ host, port, reusePort: true })
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('one socket, and two on the same port, are counted', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const port = await listen(t, host)
    t.equal(await countListening(host, port), 1, host)

    await listen(t, host, port)
    t.equal(await countListening(host, port), 2, host)
  }
})

t.test('a socket on all addresses answers at each, unless one is bound to the very address', async (t) => {
  const port = await listen(t, '0.0.0.0')
  await listen(t, '0.0.0.0', port)
  t.equal(await countListening('127.0.0.1', port), 2)

  await listen(t, '127.0.0.1', port)
  t.equal(await countListening('127.0.0.1', port), 1)

  const both = await listen(t, '::')
  t.equal(await countListening('127.0.0.1', both), 1)
  t.equal(await countListening('::1', both), 1)
})

t.test('nothing is known of names, Unix sockets and ports that nobody has here', async (t) => {
  for (const [host, port] of [
    ['mail.example.net', 25],
    ['/run/dovecot/lmtp', 0],
    ['192.0.2.1', 1],
  ] as const)
    t.equal(await countListening(host, port), 0)
})
