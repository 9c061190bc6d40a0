import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { reloadCaddy } from '../../../../src/host/socket/caddy-admin.ts'

interface Call {
  readonly what: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

t.test('the running configuration is given back as it is, to be loaded although nothing differs', async (t) => {
  const { url, calls } = await startAdmin(t, 200)

  await reloadCaddy([url], AbortSignal.timeout(10_000))

  t.match(calls, [
    { what: 'GET /config/', body: '' },
    { what: 'POST /load', body: '{"apps":{}}', headers: { 'cache-control': 'must-revalidate' } },
  ])
})

t.test('no call looks like one of a web page, which Debian 13 has Caddy refuse', async (t) => {
  const { url, calls } = await startAdmin(t, 200)

  await reloadCaddy([url], AbortSignal.timeout(10_000))

  t.same(
    calls.flatMap(({ headers }) => Object.keys(headers).filter((name) => /^sec-|^origin$|^referer$/.test(name))),
    [],
  )
})

t.test('what is no plain address is not asked, whatever another parser makes of it', async (t) => {
  const { url, calls } = await startAdmin(t, 200)
  const { port } = new URL(url)

  for (const text of [
    `http://127.0.0.1:2019\\@127.0.0.1:${port}`,
    `http://user@127.0.0.1:${port}`,
    `http://127.0.0.1:${port}?x=`,
    `http://127.0.0.1:${port}#`,
    `http://127.0.0.1:${port}/load`,
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${port}\r\nX: y`,
    `http://127.0.0.1:0${port}`,
    `http://127.0.0.1:99999`,
    'unix:/run/docker.sock',
    '',
  ])
    await t.rejects(reloadCaddy([text], AbortSignal.timeout(10_000)), { message: 'this is no http://HOST:PORT' }, text)
  t.same(calls, [])
})

t.test('a name is resolved once, and Caddy is told the name', async (t) => {
  const { url, calls } = await startAdmin(t, 200)
  const { port } = new URL(url)

  await reloadCaddy([`http://LocalHost:${port}/`], AbortSignal.timeout(10_000))

  t.same(
    calls.map(({ headers }) => headers.host),
    [`localhost:${port}`, `localhost:${port}`],
  )
})

for (const status of [302, 403, 500]) {
  t.test(`an answer with ${status} is a failure that says what Caddy said`, async (t) => {
    const { url } = await startAdmin(t, status)

    await t.rejects(reloadCaddy([url], AbortSignal.timeout(10_000)), {
      message: `Caddy answers ${status}: {"apps":{}}`,
    })
  })
}

t.test('an admin API that is not there, or never answers, is a failure', async (t) => {
  const silent = createServer(() => {})
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.closeAllConnections())
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`

  await t.rejects(reloadCaddy([url], AbortSignal.timeout(50)), { name: 'AbortError' })
  silent.close()
  silent.closeAllConnections()
  await once(silent, 'close')
  await t.rejects(reloadCaddy([url], AbortSignal.timeout(10_000)), { code: 'ECONNREFUSED' })
})

async function startAdmin(t: Test, status: number): Promise<{ readonly url: string; readonly calls: readonly Call[] }> {
  const calls: Call[] = []
  const server = createServer(async (request, response) => {
    calls.push({ what: `${request.method} ${request.url}`, headers: request.headers, body: await text(request) })
    response.writeHead(status, { location: '/elsewhere' }).end('{"apps":{}}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}
