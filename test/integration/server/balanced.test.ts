import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import type { ControlPlaneOptions } from '../../../src/server/start-control-plane.ts'
import { balancerAddress, startBalancer } from '../../support/balancer.ts'
import { openTestControlPlane, type TestAgent, type TestControlPlane } from '../../support/control-plane.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startPostgres } from '../../support/postgres.ts'
import { twoServers, untilWaiting } from '../../support/two-servers.ts'

const postgres = await startPostgres(t)
const skip = unlessInstalled('haproxy')

for (const header of ['send-proxy', 'send-proxy-v2'] as const)
  t.test(
    `behind haproxy (${header}) a limit is that of the real address, at each of two servers`,
    { skip },
    async (t) => {
      const [one, two] = await twoServers(t, postgres, { proxyFrom: [balancerAddress] })
      const url = await startBalancer(t, t.testdir({}), { urls: [one.url, two.url], header })
      const flood = callerAt(t, '127.0.0.5', one.caPem)
      const other = callerAt(t, '127.0.0.6', one.caPem)

      const agent = await one.enroll()
      t.equal(await other.work(url, agent), 200, 'it is served')
      // The buckets of two servers.
      for (let count = 0; count < 250; count += 1) await flood.work(url, { ...agent, credential: 'guessed' })
      t.same(await each(4, () => flood.work(url, { ...agent, credential: 'guessed' })), [429, 429, 429, 429])
      t.same(await each(4, () => other.work(url, { ...agent, credential: 'guessed' })), [401, 401, 401, 401])
    },
  )

t.test('a header counts from a load balancer alone, and there it has to be', async (t) => {
  const lines: unknown[] = []
  const log = { debug: () => {}, info: () => {}, error: (facts: unknown) => void lines.push(facts) }
  const plane = await openTestControlPlane(t, {
    proxyFrom: ['127.0.0.8/31'],
    log: log as unknown as NonNullable<ControlPlaneOptions['log']>,
  })
  const agent = await plane.enroll()
  const port = Number(new URL(plane.url).port)

  t.equal(await callerAt(t, '127.0.0.5', plane.caPem).work(plane.url, agent), 200, 'others come as they are')
  await t.rejects(callerAt(t, '127.0.0.9', plane.caPem).work(plane.url, agent), 'without a header')
  t.match(lines, [{ address: '127.0.0.9', hint: /send-proxy/ }])

  const header = 'PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n'
  for (const [localAddress, text] of [
    ['127.0.0.5', header],
    ['127.0.0.8', 'PROXY TCP4 somebody 127.0.0.1 4711 443\r\n'],
    ['127.0.0.8', 'GET / HTTP/1.1\r\n\r\n'],
  ] as const) {
    const socket = connectTcp({ host: '127.0.0.1', port, localAddress })
    socket.on('error', () => {})
    socket.write(text)
    await once(socket, 'close')
    t.ok(socket.destroyed, `${localAddress} ${text.slice(0, 5)}`)
  }

  const inTurn = connectTcp({ host: '127.0.0.1', port, localAddress: '127.0.0.8' })
  for (const byte of header) inTurn.write(byte)
  const tls = connectTls({ socket: inTurn, ca: plane.caPem, servername: 'localhost' })
  tls.end('GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  t.match(await textOf(tls), /^HTTP\/1\.1 200/, 'in as many pieces as it comes')
})

t.test('a server that ends behind haproxy loses no call of anybody', { skip }, async (t) => {
  const [one, two] = await twoServers(t, postgres, { proxyFrom: [balancerAddress] })
  const urls = [one.url, two.url]
  const url = await startBalancer(t, t.testdir({}), { urls, header: 'send-proxy-v2', isAsking: true })
  const agents = await Promise.all(Array.from({ length: 8 }, (_, at) => one.enroll(`mail-${at}`)))
  const statuses: (number | string)[] = []
  const over = new AbortController()
  const running = agents.map(async (agent, at) => {
    const caller = callerAt(t, `127.0.1.${at + 1}`, one.caPem)
    while (!over.signal.aborted) statuses.push(await caller.work(url, agent).catch((error: Error) => error.message))
  })
  while (statuses.length < 100) await new Promise((resolve) => setTimeout(resolve, 10))
  await one.close()
  const { length } = statuses
  while (statuses.length < length + 100) await new Promise((resolve) => setTimeout(resolve, 10))
  over.abort()
  await Promise.all(running)

  // On a fast machine they ask more often than an agent may: an answer as well.
  t.same(
    [...new Set(statuses)].filter((status) => status !== 429),
    [200],
  )
})

t.test('one that ends says so to who asks whether it is ready, and finishes what has begun', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const [slow, waiting] = [connectedTo(plane), connectedTo(plane)]
  const body = '{"version":"1"}'
  const head = `authorization: Bearer ${agent.credential}\r\nhost: localhost\r\n`
  slow.write(
    `POST /api/v1/agents/${agent.id}/heartbeat HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  waiting.write(`GET /api/v1/agents/${agent.id}/work?wait=30 HTTP/1.1\r\n${head}\r\n`)
  await untilWaiting(plane, 1)
  t.equal((await plane.ask('GET', '/readyz', '')).status, 200)

  // Of its own client, whose connections end with the test's.
  const prober = callerAt(t, '127.0.0.1', plane.caPem)
  const readiness = () => prober.get(`${plane.url}/readyz`)
  const closed = plane.close()
  const answer = await textOf(waiting)
  t.match(answer, /^HTTP\/1\.1 200/)
  t.match(answer, /connection: close/i)
  t.match(answer, /retry-after: \d+/i, 'so that not all come back together')
  t.match(answer, /"jobs":\[\]/)
  t.same(await each(3, readiness), [503, 503, 503])
  await t.rejects(
    (async () => {
      for (;;) await prober.get(`${plane.url}/healthz`)
    })(),
    { code: /^ECONN(REFUSED|RESET)$/ },
  )
  slow.write(body)
  t.match(await textOf(slow), /^HTTP\/1\.1 200/)
  await closed
})

/** Who calls from an address of his own, each time over a new connection. */
function callerAt(t: Test, localAddress: string, ca: string) {
  const dispatcher = new Agent({ connect: { ca }, localAddress, pipelining: 0 })
  t.teardown(() => dispatcher.destroy())
  const get = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> => {
    const { statusCode, body } = await request(url, { dispatcher, headers, reset: true })
    await body.dump()
    return statusCode
  }
  return {
    get,
    work: (url: string, { id, credential }: Pick<TestAgent, 'id' | 'credential'>) =>
      get(`${url}/api/v1/agents/${id}/work`, { authorization: `Bearer ${credential}` }),
  }
}

async function each<T>(count: number, work: () => Promise<T>): Promise<readonly T[]> {
  const done: T[] = []
  for (let at = 0; at < count; at += 1) done.push(await work())
  return done
}

function connectedTo({ url, caPem }: TestControlPlane): TLSSocket {
  return connectTls({ host: '127.0.0.1', port: Number(new URL(url).port), ca: caPem, servername: 'localhost' })
}

async function textOf(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.on('data', (part: Buffer) => {
    text += part.toString('latin1')
  })
  await once(socket, 'close')
  return text
}
