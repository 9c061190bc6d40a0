import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import { askStatus } from '../../../src/status/ask-status.ts'
import { openMetrics } from '../../../src/status/metrics.ts'
import type { StatusDocument } from '../../../src/status/status-document.ts'
import { type StatusSource, startStatusServer } from '../../../src/status/status-server.ts'
import { aStatus } from '../../support/status-document.ts'

t.test('/healthz says that the agent is alive', async (t) => {
  const url = await start(t)

  const { statusCode, body } = await request(`${url}/healthz`)

  t.equal(statusCode, 200)
  t.same(await body.json(), { status: 'alive' })
})

t.test('/status is the status document', async (t) => {
  const url = await start(t)

  const { statusCode, body } = await request(`${url}/status`)

  t.equal(statusCode, 200)
  t.same(await body.json(), aStatus())
})

t.test('/status says nothing that its schema does not name', async (t) => {
  const url = await start(t, { ...aStatus(), keyPem: 'secret' } as StatusDocument)

  const { body } = await request(`${url}/status`)

  t.notMatch(await body.text(), /secret/)
})

t.test('/status says nothing that its schema names elsewhere', async (t) => {
  const { targets, controlPlane, ...rest } = aStatus()
  const url = await start(t, {
    ...rest,
    controlPlane: { ...controlPlane, sha256: 'secret' },
    targets: targets.map((target) => ({ ...target, url: 'secret', hostname: { keyPem: 'secret' } })),
  } as StatusDocument)

  const { body } = await request(`${url}/status`)

  t.same(await body.json(), aStatus())
})

t.test('/status.schema.json is the schema that /status is valid by', async (t) => {
  const url = await start(t)

  const schema = (await (await request(`${url}/status.schema.json`)).body.json()) as object
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema)

  t.ok(validate(await (await request(`${url}/status`)).body.json()), JSON.stringify(validate.errors))
  t.notOk(validate({ ...aStatus(), phase: 'asleep' }))
})

t.test('/readyz is 200 when the agent is ready, and 503 with the reasons when it is not', async (t) => {
  const ready = await request(`${await start(t)}/readyz`)
  const notReady = ['The control plane has not answered a poll yet.']
  const other = await request(`${await start(t, aStatus({ ready: false, notReady }))}/readyz`)

  t.same([ready.statusCode, await ready.body.json()], [200, { ready: true, reasons: [] }])
  t.same([other.statusCode, await other.body.json()], [503, { ready: false, reasons: notReady }])
})

t.test('every answer, a refusal too, is closed to other sites, to sniffing and to caches', async (t) => {
  const url = await start(t)
  const asked = ['/', '/page.css', '/page.js', '/icon.svg', '/status', '/metrics', '/healthz', '/readyz', '/nowhere']
  for (const path of asked) {
    const { headers, body } = await request(`${url}${path}`)
    await body.dump()

    t.match(
      headers,
      {
        'content-security-policy': /^default-src 'none';.*frame-ancestors 'none'/,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
      path,
    )
    t.notMatch(headers['content-security-policy'], /unsafe/)
  }
  const foreign = await request(url, { headers: { host: 'evil.example' } })
  t.match(foreign.headers, { 'cache-control': 'no-store' })
  await foreign.body.dump()
})

t.test('a request with a foreign Host is refused', async (t) => {
  const url = await start(t)
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:9780', '[::2]:9780']) {
    const { statusCode, body } = await request(`${url}/status`, { headers: { host } })

    t.equal(statusCode, 421, host)
    t.notMatch(await body.text(), /running|mx1/)
  }
})

t.test('a request for a loopback name is answered', async (t) => {
  const url = await start(t)
  for (const host of ['localhost', 'localhost:9780', '127.0.0.1:1', '[::1]:9780']) {
    t.equal((await request(`${url}/healthz`, { headers: { host } })).statusCode, 200, host)
  }
})

t.test('nothing can be changed through it', async (t) => {
  const url = await start(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const) {
    t.equal((await request(`${url}/status`, { method })).statusCode, 405, method)
  }
})

t.test('it listens on a Unix socket, also where a killed agent left one', async (t) => {
  const socket = await socketPath(t)
  leaveSocket(socket)

  const server = await startStatusServer({ listen: { socket }, asked: null }, sourceOf(aStatus()))
  t.teardown(() => server.close())

  const dispatcher = new Agent({ connect: { socketPath: socket } })
  t.teardown(() => dispatcher.destroy())
  t.equal((await request('http://localhost/healthz', { dispatcher })).statusCode, 200)
})

t.test('waxseal status is answered at a socket of its own, beside the page or without it', async (t) => {
  const path = await socketPath(t)
  const [port = 0] = await freePorts(1)
  const server = await startStatusServer({ listen: { host: '127.0.0.1', port }, asked: { path } }, sourceOf(aStatus()))

  t.same(await askStatus(path), aStatus())
  t.equal((await request(`http://127.0.0.1:${port}/healthz`)).statusCode, 200)
  await server.close()
  t.equal(await askStatus(path), null)

  const alone = await startStatusServer({ listen: null, asked: { path } }, sourceOf(aStatus()))
  t.teardown(() => alone.close())
  t.same(await askStatus(path), aStatus())
})

t.test('a Unix socket that somebody answers at is left alone', async (t) => {
  const socket = await socketPath(t)
  const other = await listen(socket)
  t.teardown(() => other.close())

  await t.rejects(startStatusServer({ listen: { socket }, asked: null }, sourceOf(aStatus())), { code: 'EADDRINUSE' })
})

async function start(t: Test, status = aStatus()): Promise<string> {
  const [port = 0] = await freePorts(1)
  const server = await startStatusServer(
    { listen: Object.freeze({ host: '127.0.0.1', port }), asked: null },
    sourceOf(status),
  )
  t.teardown(() => server.close())
  return `http://127.0.0.1:${port}`
}

function sourceOf(status: StatusDocument): StatusSource {
  return { readStatus: async () => status, metrics: openMetrics() }
}

/** Not below the checkout: the length of a socket's name is bounded. */
async function socketPath(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'waxseal-'))
  t.teardown(() => rm(dir, { recursive: true }))
  return join(dir, 's')
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(path, () => resolve(server))
  })
}

/** A socket file without a process behind it. */
function leaveSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', script])
  } catch (error) {
    if ((error as { readonly signal?: string }).signal !== 'SIGKILL') throw error
  }
}
