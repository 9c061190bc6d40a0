import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { nginx } from '../../../../src/connector/nginx/nginx.ts'
import { newKeyOf, planOf } from '../plan-of.ts'
import { recordedHost } from '../recorded-host.ts'

const connector = nginx as Connector

t.test('it is checked by nginx -t and reloaded by nginx -s reload', async (t) => {
  t.match(await planOf(connector), {
    service: 'nginx',
    check: ['nginx', '-t'],
    activate: [['nginx', '-s', 'reload']],
    recover: [['nginx', '-s', 'reload']],
  })
})

t.test('a new key is 0640; a mode that the target says is its own', async (t) => {
  t.same(newKeyOf(await planOf(connector)), [['/etc/nginx/certs/key.pem', 0o640, 'keep', 'keep']])
  t.match(newKeyOf(await planOf(connector, { key_file_mode: '0600', key_file_group: 'ssl-cert' })), [
    [String, 0o600, 'keep', 'ssl-cert'],
  ])
})

t.test('a key that is there keeps its own mode', async (t) => {
  const { files } = await planOf(connector)

  t.match(
    files.find(({ role }) => role === 'key'),
    { mode: 'keep', owner: 'keep', group: 'keep' },
  )
})

t.test('a target for another instance is not held against the settings of this one', async (t) => {
  const host = recordedHost({ 'nginx -T': '# configuration file /etc/nginx/nginx.conf:\nevents {}\n' })

  const own = await planOf(connector, {}, host)
  const other = await planOf(connector, { reload_command: 'docker exec web nginx -s reload' }, host)

  t.match(own.wiring?.unread, ['/etc/nginx/certs/cert.pem', '/etc/nginx/certs/key.pem'])
  t.equal(other.wiring, null)
})
