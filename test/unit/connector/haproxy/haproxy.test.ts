import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { haproxy } from '../../../../src/connector/haproxy/haproxy.ts'
import { planOf } from '../plan-of.ts'

const connector = haproxy as Connector
const path = '/etc/haproxy/certs/site.pem'
const target = { pem_path: path }

t.test('leaf, chain and key are one file, in this order', async (t) => {
  const { files } = await planOf(connector, target)

  t.match(files, [{ path, role: 'bundle', mode: 'keep', owner: 'keep', group: 'keep' }])
  const text = Buffer.from(files[0]?.contents ?? []).toString('utf8')
  t.same(
    [...text.matchAll(/BEGIN ([A-Z ]+)/g)].map((match) => match[1]),
    ['CERTIFICATE', 'CERTIFICATE', 'PRIVATE KEY'],
  )
})

t.test('its mode, owner and group are what the target says; one that lets others in is refused', async (t) => {
  const { files } = await planOf(connector, {
    ...target,
    pem_file_mode: '0640',
    pem_file_owner: 'haproxy',
    pem_file_group: 'ssl-cert',
  })

  t.match(files, [{ mode: 0o640, owner: 'haproxy', group: 'ssl-cert' }])
  await t.rejects(planOf(connector, { ...target, pem_file_mode: '0644' }), { code: 'TARGET_INVALID' })
})

t.test('a target without pem_path is refused', async (t) => {
  await t.rejects(planOf(connector, {}), { code: 'TARGET_INVALID' })
})

const reload = ['systemctl', 'reload', 'haproxy']
const byMaster = ['waxseal:haproxy-reload', '/run/haproxy-master.sock']
const byRuntime = ['waxseal:haproxy-load', '/run/haproxy/admin.sock', path]
const master = { socket: null, masterSocket: '/run/haproxy-master.sock' }
const runtime = { socket: '/run/haproxy/admin.sock', masterSocket: null }

for (const [what, sockets, fields, command] of [
  ['systemd where the host names no socket', null, {}, reload],
  ['the master CLI where the host names that', master, {}, byMaster],
  ['the runtime API where the host names that', runtime, {}, byRuntime],
  ['the runtime API where the host names both: nothing is reloaded', { ...master, ...runtime }, {}, byRuntime],
  ['systemd where only the target names a socket', null, { runtime_socket: '/run/docker.sock' }, reload],
  ['its own command', runtime, { reload_command: 'service haproxy reload' }, ['service', 'haproxy', 'reload']],
] as const)
  t.test(`a target is activated, and recovered, by ${what}`, async (t) => {
    const meant = sockets === null ? connector : connector.at?.({ config: null, admin: null, ...sockets })
    const { check, activate, recover } = await planOf(meant ?? connector, { ...target, ...fields })

    t.same(check, ['haproxy', '-c', '-f', '/etc/haproxy/haproxy.cfg'])
    t.same(activate, [command])
    t.same(recover, [command])
  })
