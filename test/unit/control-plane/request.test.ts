import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { type Endpoint, openSend } from '../../../src/control-plane/request.ts'
import { catalogue } from '../../../src/error/catalogue.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { endless, type Handler, json, partly, startHttpsServer, text } from '../../support/https-server.ts'

const credential = 'wax-credential-5f1d'
const authority = await makeAuthority()
const pair = await authority.issue({ names: [], ips: ['127.0.0.1'] })
const server = await startHttpsServer(pair)
const endpoint: Endpoint = { url: server.url, ca: authority.certificatePem, credential }
const html = '<html><body><h1>502 Bad Gateway</h1></body></html>'
const mebibyte = 1024 * 1024

t.teardown(() => server.close())

function opened(t: Test, changes: Partial<Endpoint> = {}): ReturnType<typeof openSend> {
  const client = openSend({ ...endpoint, ...changes })
  t.teardown(() => client.close())
  return client
}

/** The one coded error of a GET, which must not hold the credential. */
async function failure(t: Test, changes: Partial<Endpoint> = {}): Promise<WaxsealError> {
  const error = await opened(t, changes)
    .send({ method: 'GET', path: '/thing' })
    .then(
      () => new Error('it succeeded'),
      (thrown: unknown) => thrown,
    )
  if (!(error instanceof WaxsealError)) throw error
  t.ok(error.code in catalogue)
  t.notOk(`${error.message} ${JSON.stringify(error.details)}`.includes(changes.credential ?? credential))
  return error
}

for (const status of [400, 401, 403, 404, 409])
  t.test(`an answer ${status} is a refusal`, async (t) => {
    server.answer(json(status, { error: 'no\nsuch thing' }))

    const error = await failure(t)

    t.equal(error.code, 'CONTROL_PLANE_REFUSED')
    t.strictSame(error.details, { status, answer: '{"error":"no\\nsuch thing"}' })
  })

for (const status of [302, 408, 425, 429, 500, 502, 503])
  t.test(`an answer ${status} may pass`, async (t) => {
    const before = server.requests.length
    server.answer(text(status, html, { location: `${server.url}/elsewhere` }))

    const error = await failure(t)

    t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
    t.strictSame(error.details, { status, answer: html })
    t.equal(server.requests.length, before + 1)
  })

t.test('an answer 410 retires the agent', async (t) => {
  server.answer(json(410, { error: 'gone' }))

  t.equal((await failure(t)).code, 'AGENT_RETIRED')
})

t.test('Retry-After is kept, in seconds and as a date', async (t) => {
  const asked = { '7': 7000, 'Fri, 06 Nov 2099 08:49:37 GMT': 86_400_000, 'Sun, 06 Nov 1994 08:49:37 GMT': 0 }

  for (const [header, wait] of Object.entries(asked))
    for (const status of [403, 429, 503]) {
      server.answer(json(status, {}, { 'retry-after': header }))
      t.strictSame((await failure(t)).details, { status, answer: '{}', retryAfterMs: wait })
    }
})

t.test('a Retry-After that cannot be read asks for nothing', async (t) => {
  server.answer(json(429, {}, { 'retry-after': 'tomorrow 2030' }))

  t.strictSame((await failure(t)).details, { status: 429, answer: '{}' })
})

t.test('what a refusal says is shown short and printable', async (t) => {
  server.answer(text(404, `\u001b[31m no\r\n${'x'.repeat(1000)}`))

  t.equal((await failure(t)).details['answer'], ` [31m no ${'x'.repeat(291)}`)
})

// Details go into the log: a proxy that shows the headers of the request would put the credential there.
t.test('a refusal that repeats the credential is shown without it', async (t) => {
  server.answer((request, response) => {
    response.writeHead(502).end(`Authorization: ${request.headers.authorization}; try again`)
  })

  t.equal((await failure(t)).details['answer'], 'Authorization: Bearer [credential]; try again')
})

t.test('a status counts even though its body is cut off, too large or never ends', async (t) => {
  server.answer(partly(410, { 'content-length': '100' }, 'cut'))
  t.equal((await failure(t)).code, 'AGENT_RETIRED')
  server.answer(partly(401, { 'content-length': '100' }, 'stall'))
  t.match(await failure(t, { timeoutMs: 100 }), { code: 'CONTROL_PLANE_REFUSED', details: { status: 401 } })
  const hungUp = Promise.withResolvers<void>()
  server.answer(endless(403, hungUp.resolve))
  t.match(await failure(t), { code: 'CONTROL_PLANE_REFUSED', details: { status: 403 } })
  await hungUp.promise
})

t.test('a page of HTML and truncated JSON are no usable answers', async (t) => {
  for (const body of [html, '{"jobs":[{"id":"job-1"', `"${credential}`]) {
    server.answer(text(200, body))

    const error = await failure(t)

    t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
    t.strictSame(error.details, { status: 200, reason: 'the answer is not JSON' })
  }
})

t.test('an empty answer is an answer', async (t) => {
  const client = opened(t)
  server.answer(text(204, ''))

  t.strictSame(await client.send({ method: 'POST', path: '/thing', body: {} }), {})
})

t.test('an answer of 1 MiB is read, one byte more is not', async (t) => {
  const client = opened(t)
  const largest = 'x'.repeat(mebibyte - 2)
  server.answer(json(200, largest))

  const answer = await client.send({ method: 'GET', path: '/thing' })
  server.answer(json(200, `${largest}x`))
  const error = await failure(t)

  t.equal(answer, largest)
  t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
  t.strictSame(error.details, { reason: 'the answer is larger than 1048576 bytes' })
})

t.test('an answer of 10 MB is hung up on, and so is one without end', async (t) => {
  const hungUp = Promise.withResolvers<void>()
  server.answer(text(200, 'x'.repeat(10 * mebibyte)))
  const large = await failure(t)
  server.answer(endless(200, hungUp.resolve))
  const withoutEnd = await failure(t)
  await hungUp.promise

  for (const error of [large, withoutEnd]) t.match(error.details, { reason: /^the answer is larger than/ })
})

t.test('a connection cut in the middle of the body is no usable answer, and nothing is asked twice', async (t) => {
  for (const headers of [{ 'content-length': '100' }, { 'transfer-encoding': 'chunked' }, { connection: 'close' }]) {
    const before = server.requests.length
    server.answer(partly(200, headers, 'cut'))

    const error = await failure(t)

    t.match(error, { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /./ } })
    t.equal(server.requests.length, before + 1)
  }
})

t.test('a server that never answers, or never ends its answer, is given up at the time limit', async (t) => {
  const silent: Handler = () => undefined
  for (const handler of [silent, partly(200, {}, 'stall')]) {
    server.answer(handler)

    const error = await failure(t, { timeoutMs: 100 })

    t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
    t.strictSame(error.details, { reason: 'The operation was aborted due to timeout' })
  }
})

t.test('a port that takes the connection and says nothing is given up at the time limit', async (t) => {
  const mute = createServer()
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => mute.close())

  const error = await failure(t, { url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}`, timeoutMs: 100 })

  t.match(error, { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /timeout/i } })
})

t.test('a port where nobody listens is unreachable', async (t) => {
  const gone = await startHttpsServer(pair)
  await gone.close()

  const error = await failure(t, { url: gone.url })

  t.match(error, { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /ECONNREFUSED/ } })
})

t.test('a server that speaks TLS 1.2 at most is told nothing', async (t) => {
  const old = await startHttpsServer(pair, 'TLSv1.2')
  t.teardown(() => old.close())

  const error = await failure(t, { url: old.url })

  t.equal(error.code, 'CONTROL_PLANE_UNREACHABLE')
  t.match(error.details, { reason: /protocol version/i })
  t.strictSame(old.requests, [])
})

t.test('a server of another CA or another name is told nothing', async (t) => {
  const stranger = await startHttpsServer(await (await makeAuthority()).issue({ names: [], ips: ['127.0.0.1'] }))
  const misnamed = await startHttpsServer(await authority.issue({ names: ['other.example'] }))
  t.teardown(() => Promise.all([stranger.close(), misnamed.close()]))

  const ofStranger = await failure(t, { url: stranger.url })
  const ofMisnamed = await failure(t, { url: misnamed.url })
  const bySystem = await failure(t, { ca: null })

  t.match(ofStranger, { code: 'CONTROL_PLANE_UNREACHABLE', details: { hint: /ca_file/ } })
  t.match(ofMisnamed, { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /127\.0\.0\.1/ } })
  t.match(bySystem, { code: 'CONTROL_PLANE_UNREACHABLE', details: { hint: /ca_file/ } })
  t.strictSame([...stranger.requests, ...misnamed.requests], [])
})

t.test('a credential that no header can carry is not told to anybody', async (t) => {
  const error = await failure(t, { credential: 'first line\nsecond line' })

  t.strictSame([error.code, error.details], ['CONTROL_PLANE_UNREACHABLE', { reason: 'invalid authorization header' }])
})

t.test('a closed client fails like an unreachable server', async (t) => {
  const client = openSend(endpoint)
  await client.close()

  await t.rejects(client.send({ method: 'GET', path: '/thing' }), { code: 'CONTROL_PLANE_UNREACHABLE' })
})
