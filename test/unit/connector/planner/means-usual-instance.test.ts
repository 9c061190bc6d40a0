import t from 'tap'
import { meansUsualInstance } from '../../../../src/connector/planner/means-usual-instance.ts'

const standard = [
  ['nginx', '-t'],
  ['systemctl', 'reload', 'nginx'],
] as const

t.test("a target whose commands are the connector's own, or none, means the instance that is asked", async (t) => {
  t.ok(meansUsualInstance({}, standard))
  t.ok(meansUsualInstance({ reload_command: ' systemctl  reload nginx', validate_command: 'nginx -t' }, standard))
})

t.test('a command of its own may mean another instance', async (t) => {
  t.notOk(meansUsualInstance({ reload_command: 'docker exec web nginx -s reload' }, standard))
  t.notOk(meansUsualInstance({ validate_command: 'nginx -t -c /srv/nginx.conf' }, standard))
})
