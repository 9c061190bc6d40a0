import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Admission, admitAtRate } from '../../../../src/host/socket/admission.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const limits = { perSecond: 10, burst: 3, waiting: 20 }
const pair = await (await makeAuthority()).issue({ names: ['localhost'] })

t.test('so many are let in at once, and the others in their order, at the rate', async (t) => {
  const { admission, pass, enter, begun } = open()
  for (let at = 0; at < 10; at += 1) t.ok(enter(at))
  t.same(begun, [0, 1, 2])
  pass(99)
  t.same(begun, [0, 1, 2])
  pass(1)
  t.same(begun, [0, 1, 2, 3])
  pass(300)
  t.same(begun, [0, 1, 2, 3, 4, 5, 6])
  enter(10)
  t.same(begun.at(-1), 6, 'who comes later does not go first')
  pass(10_000)
  t.same(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'a rest gives no more than the burst')
  admission.admit()
  pass(100)
  t.equal(begun.at(-1), 10)
})

t.test('more than may wait are sent away, and never begin', async (t) => {
  const { pass, enter, begun } = open()
  const isIn = Array.from({ length: 30 }, (_, at) => enter(at))
  t.equal(isIn.filter(Boolean).length, 23)
  for (let at = 0; at < 100; at += 1) pass(100)
  t.equal(begun.length, 23)
  t.ok(enter(30), 'there is room again')
})

t.test('connections whose turn it is not wait without TLS, and those that are too many are hung up on', async (t) => {
  let [begun, full] = [0, 0]
  const server = createServer({ key: pair.keyPem, cert: pair.certificatePem }, (socket) => socket.end('done'))
  server.prependListener('connection', () => {
    begun += 1
  })
  // No further turn comes while this runs.
  admitAtRate(server, { perSecond: 0.001, burst: 2, waiting: 3 }, () => {
    full += 1
  })
  const port = await listen(t, server)
  const sockets = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1', rejectUnauthorized: false }))
  const ends: string[] = []
  const five = Promise.withResolvers<void>()
  for (const socket of sockets)
    void endOf(socket).then((end) => {
      ends.push(end)
      if (ends.length === 5) five.resolve()
    })
  await five.promise

  t.same(ends.toSorted(), ['done', 'done', 'hung up', 'hung up', 'hung up'])
  t.same([begun, full], [2, 3])
  for (const socket of sockets) socket.destroy()
})

t.test('one that is gone before its turn is nobody that is served, and no error', async (t) => {
  const server = createServer({ key: pair.keyPem, cert: pair.certificatePem }, (socket) => socket.end('done'))
  server.on('tlsClientError', () => {})
  admitAtRate(server, { perSecond: 20, burst: 1, waiting: 5 }, () => {})
  const port = await listen(t, server)
  t.equal(await talk(port), 'done')

  const gone = connectTcp(port, '127.0.0.1')
  await once(gone, 'connect')
  gone.resetAndDestroy()
  t.equal(await talk(port), 'done')
})

async function listen(t: Test, server: ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function talk(port: number): Promise<string> {
  return endOf(connect({ port, host: '127.0.0.1', rejectUnauthorized: false }))
}

/** What comes, or that it was hung up on. */
async function endOf(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (part: string) => {
    text += part
  })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('close', resolve))
  return text === '' ? 'hung up' : text
}

/** Whose clock is passed by hand. */
function open() {
  let now = 0
  const begun: number[] = []
  const admission = new Admission(limits, () => now)
  return {
    admission,
    begun,
    enter: (at: number) => admission.enter(() => void begun.push(at)),
    pass: (ms: number) => {
      now += ms
      admission.admit()
    },
  }
}
