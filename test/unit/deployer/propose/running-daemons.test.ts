import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import type { Engine } from '../../../../src/deployer/engine.ts'
import { readRunning } from '../../../../src/deployer/propose/running-daemons.ts'
import { recordedHost } from '../../connector/recorded-host.ts'

const own = {
  service: 'web',
  check: ['web', '-t'],
  reload: ['web', '-r'],
  signs: { pidFiles: ['/run/web.pid'], units: ['web.service', 'web@-.service'], process: 'wx-web' },
} as const

t.test('a daemon runs where its pid file names a process', async (t) => {
  t.equal((await readRunning(engineWith({ '/run/web.pid': '  4711\n' }))).length, 1)
})

t.test('an empty pid file, as nginx -t leaves one, is no daemon that runs', async (t) => {
  t.same(await readRunning(engineWith({ '/run/web.pid': '' })), [])
  t.same(await readRunning(engineWith({ '/run/web.pid': '0\n' })), [])
  t.same(await readRunning(engineWith({})), [])
})

t.test('without a pid file it runs where its unit is active and one of its sockets is there', async (t) => {
  const units = {
    '/run/systemd/units/invocation:web@-.service': '',
    '/run/systemd/units/log-level-max:web.service': '',
  }
  const port = await listen(t)

  t.equal((await readRunning(engineWith(units, port))).length, 1)
  t.same(await readRunning(engineWith(units, 1)), [], 'the unit of a daemon that is gone')
  t.same(await readRunning(engineWith({ '/run/systemd/units/invocation:other.service': '' }, port)), [])
})

t.test('without systemd it runs where a process has its name and one of its sockets is there', async (t) => {
  const port = await listen(t)
  t.same(await readRunning(engineWith({}, port)), [], 'no process has its name')
  await startNamed(t, 'wx-webalizer')
  t.same(await readRunning(engineWith({}, port)), [], 'one begins with it')

  await startNamed(t, own.signs.process)

  t.equal((await readRunning(engineWith({}, port))).length, 1)
  t.same(await readRunning(engineWith({}, 1)), [])
})

t.test('a daemon whose settings would cost more than a look is not asked for them where it does not run', async (t) => {
  let asked = 0
  const engine = engineWith({}, 1, async () => {
    asked += 1
    throw new Error('it is asked')
  })

  t.same(await readRunning(engine), [])
  t.equal(asked, 0)
})

function engineWith(
  files: Readonly<Record<string, string>>,
  port = 1,
  readWiring: NonNullable<Connector['readWiring']> = async () => ({
    listeners: [{ name: 'https', host: '127.0.0.1', port, protocol: 'tls', servername: null, files: [] }],
    maps: [],
    named: [],
    doubts: [],
  }),
): Engine {
  const recorded = Object.entries(files).map(([path, text]) => [path, { text, mode: 0o644 }] as const)
  // A folder of a recorded host has the whole rest of each path.
  const host = recordedHost({}, Object.fromEntries(recorded))
  const list = async (folder: string) => (await host.list(folder))?.map((name) => name.split('/')[0] ?? '') ?? null
  const web = { name: 'web', own, readWiring } as unknown as Connector
  return { registry: { connectors: [web] }, instances: [], hostView: { ...host, list } } as unknown as Engine
}

/** Starts a process that ps(1) shows by this name. */
async function startNamed(t: Test, name: string): Promise<void> {
  const program = join(t.testdir({}), name)
  await copyFile('/bin/sleep', program)
  const child = spawn(program, ['60'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
}

async function listen(t: Test): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
