import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { serveChallenges } from '../../../../src/host/socket/serve-challenges.ts'

const token = 'token_of-a-challenge'

t.test('a challenge is answered by its token and the host that is asked for', async (t) => {
  const { url, asked } = await open(t)

  const { statusCode, headers, body } = await request(`${url}/.well-known/acme-challenge/${token}`, {
    headers: { host: 'mail.example.net' },
  })

  t.equal(statusCode, 200)
  t.equal(headers['content-type'], 'text/plain; charset=utf-8')
  t.equal(await body.text(), `${token}.thumbprint`)
  t.same(asked, [`${token} mail.example.net`])
})

t.test('the host is told without its port and its brackets, and without one nothing is answered', async (t) => {
  const { url, port, asked } = await open(t)
  for (const host of ['mail.example.net:80', '[2001:db8::1]:80', '[2001:db8::1]'])
    await (await request(`${url}/.well-known/acme-challenge/${token}`, { headers: { host } })).body.dump()
  const old = connect(port, '127.0.0.1').end(`GET /.well-known/acme-challenge/${token} HTTP/1.0\r\n\r\n`)
  let said = ''
  for await (const bytes of old) said += String(bytes)

  t.match(said, /^HTTP\/1\.1 404 /)
  t.same(asked, [`${token} mail.example.net`, `${token} 2001:db8::1`, `${token} 2001:db8::1`])
})

t.test('everything else is not there, and nothing is looked for', async (t) => {
  const { url, asked } = await open(t)
  const paths = [
    '/',
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/short',
    `/.well-known/acme-challenge/../${token}`,
    `/.well-known/acme-challenge/${token}/..%2f..%2fetc%2fpasswd`,
    `/.well-known/acme-challenge/${token}?x=1`,
  ]

  for (const path of paths) {
    const { statusCode, body } = await request(`${url}${path}`)
    await body.dump()
    t.equal(statusCode, 404, path)
  }
  const { statusCode, body } = await request(`${url}/.well-known/acme-challenge/${token}`, {
    method: 'POST',
    body: 'x',
  })
  await body.dump()
  t.equal(statusCode, 404)
  t.same(asked, [])
})

t.test('it ends when nobody has asked for a while', async (t) => {
  const { ended } = await open(t, 50)

  await ended

  t.pass('it has ended')
})

t.test('who connects and says nothing keeps nobody out', async (t) => {
  const { url, port } = await open(t)
  const silent = connect(port, '127.0.0.1')
  await once(silent, 'connect')

  const { statusCode, body } = await request(`${url}/.well-known/acme-challenge/${token}`)
  await body.dump()

  t.equal(statusCode, 200)
  silent.destroy()
})

async function open(t: Test, idleMs: number | null = null) {
  const stop = new AbortController()
  const listening = Promise.withResolvers<number>()
  const asked: string[] = []
  const ended = serveChallenges(
    { host: '127.0.0.1', port: 0 },
    {
      find: async (one, host) => {
        asked.push(`${one} ${host}`)
        return one === token ? `${token}.thumbprint` : null
      },
      idleMs,
      signal: stop.signal,
      onListening: listening.resolve,
    },
  )
  t.teardown(async () => {
    stop.abort()
    await ended
  })
  const port = await listening.promise
  return { url: `http://127.0.0.1:${port}`, port, asked, ended }
}
