import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { exim } from '../../../../src/connector/exim/exim.ts'
import { newKeyOf, planOf } from '../plan-of.ts'

const connector = exim as Connector

t.test('without a field, Debian’s paths and commands are meant', async (t) => {
  const plan = await planOf(connector)

  t.same(
    plan.files.map(({ path }) => path),
    ['/etc/exim4/exim.crt', '/etc/exim4/exim.key'],
  )
  t.match(plan, {
    service: 'exim',
    check: ['exim4', '-bV'],
    activate: [['systemctl', 'reload', 'exim4']],
    recover: [['systemctl', 'reload', 'exim4']],
  })
})

t.test('a new key is readable by Debian-exim; the target has the last word', async (t) => {
  const path = '/etc/exim4/exim.key'

  t.same(newKeyOf(await planOf(connector)), [[path, 0o640, 'root', 'Debian-exim']])
  t.same(newKeyOf(await planOf(connector, { key_file_group: 'mail' })), [[path, 0o640, 'root', 'mail']])
  t.same(newKeyOf(await planOf(connector, { key_file_mode: '0600', key_file_owner: 'Debian-exim' })), [
    [path, 0o600, 'Debian-exim', 'Debian-exim'],
  ])
})

t.test('another instance is checked by its own settings, and needs its own reload command', async (t) => {
  const config = '/srv/exim.conf'
  const meant = connector.at?.({ config, socket: null, masterSocket: null, admin: null }) ?? connector

  t.same((await planOf(meant, { reload_command: 'true' })).check, ['exim4', '-C', config, '-bV'])
  await t.rejects(planOf(meant), { code: 'TARGET_INVALID', details: { field: 'reload_command' } })
  t.same((await planOf(connector, { daemon_config: config })).check, ['exim4', '-bV'])
})
