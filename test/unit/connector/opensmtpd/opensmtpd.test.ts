import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { opensmtpd } from '../../../../src/connector/opensmtpd/opensmtpd.ts'
import { newKeyOf, planOf } from '../plan-of.ts'

const connector = opensmtpd as Connector

t.test('it is restarted, for it has no reload, and its new key is as any other', async (t) => {
  const plan = await planOf(connector)

  t.match(plan, {
    service: 'opensmtpd',
    check: ['smtpd', '-n'],
    activate: [['systemctl', 'restart', 'opensmtpd']],
    recover: [['systemctl', 'restart', 'opensmtpd']],
  })
  t.same(newKeyOf(plan), [['/etc/ssl/opensmtpd/key.pem', 'keep', 'keep', 'keep']])
})

t.test('a key that smtpd would not read is refused before anything is touched', async (t) => {
  for (const key_file_mode of ['0660', '0650', '0644'])
    await t.rejects(planOf(connector, { key_file_mode }), {
      code: 'TARGET_INVALID',
      details: { field: 'key_file_mode' },
    })
  await t.rejects(planOf(connector, { key_file_owner: 'opensmtpd' }), {
    code: 'TARGET_INVALID',
    details: { field: 'key_file_owner' },
  })
  t.same(newKeyOf(await planOf(connector, { key_file_mode: '0640', key_file_owner: 'root', key_file_group: 'mail' })), [
    ['/etc/ssl/opensmtpd/key.pem', 0o640, 'root', 'mail'],
  ])
})
