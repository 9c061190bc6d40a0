import t from 'tap'
import { apache } from '../../../../src/connector/apache/apache.ts'
import type { Connector } from '../../../../src/connector/connector.ts'
import { newKeyOf, planOf } from '../plan-of.ts'

const connector = apache as Connector

t.test('what recovers is graceful, too: it starts a server that is gone', async (t) => {
  t.match(await planOf(connector), {
    service: 'apache',
    check: ['apachectl', 'configtest'],
    activate: [['apachectl', 'graceful']],
    recover: [['apachectl', 'graceful']],
  })
})

t.test('a reload by systemd does not start a server that is gone, so it recovers by another verb', async (t) => {
  t.match(await planOf(connector, { reload_command: 'systemctl reload apache2' }), {
    activate: [['systemctl', 'reload', 'apache2']],
    recover: [['systemctl', 'reload-or-restart', 'apache2']],
  })
})

t.test(
  'certificate, key and chain are a file each where the target names three; a new key is for root alone',
  async (t) => {
    const plan = await planOf(connector, connector.example)

    t.same(
      plan.files.map(({ path, role }) => [path, role]),
      [
        ['/etc/apache2/certs/chain.pem', 'chain'],
        ['/etc/apache2/certs/cert.pem', 'certificate'],
        ['/etc/apache2/certs/key.pem', 'key'],
      ],
    )
    t.same(newKeyOf(plan), [['/etc/apache2/certs/key.pem', 'keep', 'keep', 'keep']])
  },
)
