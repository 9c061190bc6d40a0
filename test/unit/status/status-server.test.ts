import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { freePorts } from '../../../src/host/plain-files.ts'
import { startStatusServer } from '../../../src/status/status-server.ts'

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
  t.same(await body.json(), { phase: 'running' })
})

t.test('a request with a foreign Host is refused', async (t) => {
  const url = await start(t)
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:9780', '[::2]:9780']) {
    const { statusCode, body } = await request(`${url}/status`, { headers: { host } })

    t.equal(statusCode, 421, host)
    t.notMatch(await body.text(), /running/)
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
    t.equal((await request(`${url}/status`, { method })).statusCode, 404, method)
  }
})

t.test('it listens on a Unix socket, also where a killed agent left one', async (t) => {
  const socket = await socketPath(t)
  leaveSocket(socket)

  const server = await startStatusServer({ socket }, async () => ({}))
  t.teardown(() => server.close())

  const dispatcher = new Agent({ connect: { socketPath: socket } })
  t.teardown(() => dispatcher.destroy())
  t.equal((await request('http://localhost/healthz', { dispatcher })).statusCode, 200)
})

t.test('a Unix socket that somebody answers at is left alone', async (t) => {
  const socket = await socketPath(t)
  const other = await listen(socket)
  t.teardown(() => other.close())

  await t.rejects(
    startStatusServer({ socket }, async () => ({})),
    { code: 'EADDRINUSE' },
  )
})

async function start(t: Test): Promise<string> {
  const [port = 0] = await freePorts(1)
  const server = await startStatusServer(Object.freeze({ host: '127.0.0.1', port }), async () => ({ phase: 'running' }))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${port}`
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
