import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { cyrus } from '../../../../src/connector/cyrus/cyrus.ts'
import { newKeyOf, planOf } from '../plan-of.ts'

const connector = cyrus as Connector

t.test('its master hands SIGHUP on to its services, and a new key is cyrus’s own', async (t) => {
  const plan = await planOf(connector)
  const hangup = ['systemctl', 'kill', '--kill-who=main', '--signal=HUP', 'cyrus-imapd']

  t.match(plan, {
    service: 'cyrus',
    check: ['/usr/lib/cyrus/bin/cyr_info', 'conf-lint'],
    activate: [hangup],
    recover: [hangup],
  })
  t.same(newKeyOf(plan), [['/etc/ssl/cyrus/key.pem', 0o400, 'cyrus', 'root']])
})
