import t from 'tap'
import { caddy } from '../../../../src/connector/caddy/caddy.ts'
import type { Connector } from '../../../../src/connector/connector.ts'
import { planOf } from '../plan-of.ts'

const connector = caddy as Connector

t.test('mode file reloads the service, mode api asks the admin API, and either recovers the same way', async (t) => {
  for (const [target, command] of [
    [{}, ['systemctl', 'reload', 'caddy']],
    [{ mode: 'file' }, ['systemctl', 'reload', 'caddy']],
    [{ mode: 'api' }, ['waxseal:caddy-reload', 'http://localhost:2019']],
    [{ mode: 'file', reload_command: 'caddy reload --force' }, ['caddy', 'reload', '--force']],
  ] as const) {
    const { activate, recover } = await planOf(connector, target)

    t.same(activate, [command])
    t.same(recover, activate)
  }
})

t.test('only the host names another admin API: what a target says of it changes nothing', async (t) => {
  const admin = 'http://127.0.0.1:20190'
  const meant = connector.at?.({ config: null, socket: null, masterSocket: null, admin }) ?? connector

  t.same((await planOf(meant, { mode: 'api' })).activate, [['waxseal:caddy-reload', admin]])
  t.same((await planOf(connector, { mode: 'api', admin_api: admin })).activate, [
    ['waxseal:caddy-reload', 'http://localhost:2019'],
  ])
})

t.test('the pair goes where cert_dir, cert_file and key_file say', async (t) => {
  const { files } = await planOf(connector, { cert_dir: '/srv/caddy', cert_file: 'a.crt', key_file: 'a.key' })

  t.same(
    files.map(({ path, role }) => [path, role]),
    [
      ['/srv/caddy/a.key', 'key'],
      ['/srv/caddy/a.crt', 'certificate'],
    ],
  )
})

t.test('what is no mode, and an admin API that is no plain address, are refused', async (t) => {
  for (const [field, value] of [
    ['mode', 'both'],
    ['admin_api', 'https://localhost:2019'],
    ['admin_api', 'http://localhost:2019/load'],
    ['admin_api', 'localhost:2019'],
    ['admin_api', 'http://localhost:2019\\@[::1]:9780'],
    ['admin_api', 'http://user@localhost:2019'],
    ['admin_api', 'http://localhost:2019?x=/load'],
    ['admin_api', 'unix//run/caddy.sock'],
  ] as const)
    await t.rejects(planOf(connector, { [field]: value }), { code: 'TARGET_INVALID', details: { field } }, value)
})
