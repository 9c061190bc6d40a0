import { chmod, chown } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InstanceConfig } from '../../../src/config/instances.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { nameInstance, type UsualDaemon } from '../../../src/policy/name-instance.ts'

type Fields = Readonly<Record<string, unknown>>

const usual: UsualDaemon = {
  name: 'any',
  config: ['/etc/any.conf'],
  admin: ['http://localhost:2019', 'http://127.0.0.1:2019'],
  sockets: async () => ['/run/any/own.sock'],
}

t.test('a job that names nothing, or what the daemon has by default, means the default instance', async (t) => {
  for (const byJob of [
    {},
    { daemon_config: '/etc/any.conf' },
    { admin_api: 'http://LOCALHOST:2019/' },
    { admin_api: 'http://127.0.0.1:2019', daemon_config: '/etc/any.conf' },
  ])
    t.equal(await nameInstance({ byJob, byHost: {} }, usual, []), null, JSON.stringify(byJob))
})

t.test('a socket of the daemon’s own settings is used where a job names it', async (t) => {
  const found = await nameInstance({ byJob: { runtime_socket: '/run/any/own.sock' }, byHost: {} }, usual, [])

  t.match(found, { config: null, socket: '/run/any/own.sock', masterSocket: null })
})

t.test('what only a job names is refused, with the line to write', async (t) => {
  for (const [field, value, line] of [
    ['daemon_config', '/tmp/evil', 'NAME: { connector: any, config: "/tmp/evil" }'],
    ['runtime_socket', '/run/docker.sock', 'NAME: { connector: any, socket: "/run/docker.sock" }'],
    [
      'master_socket',
      '/run/any/own.sock;shutdown',
      'NAME: { connector: any, master_socket: "/run/any/own.sock;shutdown" }',
    ],
    ['admin_api', 'http://127.0.0.1:9780', 'NAME: { connector: any, admin: "http://127.0.0.1:9780" }'],
    ['admin_api', 'http://localhost:2019\\@127.0.0.1:22', 'admin: "http://localhost:2019\\\\@127.0.0.1:22"'],
    ['instance', 'evil', 'evil: { connector: any }'],
  ] as const) {
    const error = await refusal({ [field]: value })

    t.match(error, { code: 'INSTANCE_NOT_ALLOWED', details: { [field]: value, setting: 'instances' } }, value)
    t.match(String(error?.details['hint']), line)
  }
})

t.test('an instance is meant by its name, or by all that a job says of it', async (t) => {
  const host = await site(t)

  for (const byJob of [
    { instance: 'out' },
    { daemon_config: host.config },
    { daemon_config: `${host.config}/` },
    { instance: 'out', daemon_config: host.config, runtime_socket: host.socket },
  ])
    t.match(await nameInstance({ byJob, byHost: {} }, usual, host.instances), { name: 'out', config: host.config })
  for (const byJob of [
    { instance: 'out', daemon_config: '/etc/any.conf' },
    { instance: 'other' },
    { instance: 'foreign' },
    { daemon_config: host.config, runtime_socket: '/run/any/own.sock' },
    { daemon_config: host.config, admin_api: 'http://127.0.0.1:1' },
  ])
    t.equal((await refusal(byJob, {}, host.instances))?.code, 'INSTANCE_NOT_ALLOWED', JSON.stringify(byJob))
})

t.test('the host’s own file names one without a line; a job cannot turn it into another', async (t) => {
  const { config } = await site(t)
  const byHost = { daemon_config: config, admin_api: 'http://127.0.0.1:4000' }

  t.match(await nameInstance({ byJob: {}, byHost }, usual, []), { config, admin: 'http://127.0.0.1:4000' })
  t.match(await nameInstance({ byJob: { daemon_config: config }, byHost }, usual, []), { config })
  t.equal((await refusal({ daemon_config: '/tmp/evil' }, byHost))?.code, 'INSTANCE_NOT_ALLOWED')
  t.equal((await refusal({ instance: 'out' }, byHost))?.code, 'INSTANCE_NOT_ALLOWED')
})

t.test('settings that somebody else could write are not read, whoever names them', async (t) => {
  const { config, instances, dir } = await site(t)

  await chown(config, 1000, 1000)
  t.match(await refusal({ instance: 'out' }, {}, instances), { details: { path: config, reason: /chown root/ } })
  t.match(await refusal({}, { daemon_config: config }), { details: { path: config, reason: /chown root/ } })
  await chown(config, 0, 0)
  await chmod(dir, 0o777)
  t.match(await refusal({ instance: 'out' }, {}, instances), { details: { reason: /chmod go-w/ } })
})

/** An instance whose settings and socket are in a folder of its own. */
async function site(t: Test): Promise<{
  readonly dir: string
  readonly config: string
  readonly socket: string
  readonly instances: readonly InstanceConfig[]
}> {
  const dir = await makeTemporaryFolder('waxseal-instance-')
  t.teardown(() => removeTree(dir))
  const config = join(dir, 'etc')
  await makeFolder(config)
  await writeText(join(config, 'main.cf'), '')
  const socket = join(dir, 'admin.sock')
  const out = { name: 'out', connector: 'any', config, socket, masterSocket: null, admin: null, run: null, paths: [] }
  return { dir, config, socket, instances: [{ ...out, name: 'foreign', connector: 'other' }, out] }
}

async function refusal(
  byJob: Fields,
  byHost: Fields = {},
  instances: readonly InstanceConfig[] = [],
): Promise<WaxsealError | null> {
  return nameInstance({ byJob, byHost }, usual, instances).then(
    () => null,
    (error: unknown) => {
      if (error instanceof WaxsealError) return error
      throw error
    },
  )
}
