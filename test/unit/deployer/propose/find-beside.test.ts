import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import type { Engine } from '../../../../src/deployer/engine.ts'
import { readRunning } from '../../../../src/deployer/propose/find-beside.ts'
import { recordedHost } from '../../connector/recorded-host.ts'

const wiring = { listeners: [], maps: [], named: [], doubts: [] }
const own = { service: 'web', check: ['web', '-t'], reload: ['web', '-r'], pidFiles: ['/run/web.pid'] } as const
const web = { name: 'web', own, readWiring: async () => wiring } as unknown as Connector

t.test('a daemon runs where its pid file names a process', async (t) => {
  t.equal((await readRunning(engineWith('  4711\n'))).length, 1)
})

t.test('an empty pid file, as nginx -t leaves one, is no daemon that runs', async (t) => {
  t.same(await readRunning(engineWith('')), [])
  t.same(await readRunning(engineWith('0\n')), [])
  t.same(await readRunning(engineWith(null)), [])
})

function engineWith(pid: string | null): Engine {
  const files = pid === null ? {} : { '/run/web.pid': { text: pid, mode: 0o644 } }
  return { registry: { connectors: [web] }, hostView: recordedHost({}, files) } as unknown as Engine
}
