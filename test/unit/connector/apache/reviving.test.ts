import t from 'tap'
import { apache } from '../../../../src/connector/apache/apache.ts'
import type { Connector } from '../../../../src/connector/connector.ts'
import { planOf } from '../plan-of.ts'
import { recordedHost } from '../recorded-host.ts'

const connector = apache as Connector
const graceful = ['apachectl', 'graceful']
const byServiceManager = ['systemctl', 'reload-or-restart', 'apache2']

function hostWith(files: Readonly<Record<string, string>>) {
  const recorded = Object.entries(files).map(([path, text]) => [path, { text, mode: 0o644 }] as const)
  return recordedHost({}, Object.fromEntries(recorded))
}

t.test(
  'where systemd runs Apache, it reloads it, and starts one that is gone, also when a recovery activates',
  async (t) => {
    const host = hostWith({
      '/run/systemd/system/session-1.scope': '',
      '/run/apache2/apache2.pid': '77\n',
      '/proc/77/cgroup': '0::/system.slice/apache2.service\n',
    })

    t.match(await planOf(connector, {}, host), { activate: [byServiceManager], recover: [byServiceManager] })
  },
)

t.test('a server that is down before a deployment is started by systemd, too', async (t) => {
  const host = hostWith({ '/run/systemd/system/session-1.scope': '', '/run/apache2/apache2.pid': '77\n' })

  t.match(await planOf(connector, {}, host), { activate: [byServiceManager], recover: [byServiceManager] })
})

t.test('one that somebody has started beside systemd is reloaded as it was', async (t) => {
  const host = hostWith({
    '/run/systemd/system/session-1.scope': '',
    '/run/apache2/apache2.pid': '77\n',
    '/proc/77/cgroup': '0::/user.slice/session-1.scope\n',
  })

  t.match(await planOf(connector, {}, host), { activate: [graceful], recover: [graceful] })
})
