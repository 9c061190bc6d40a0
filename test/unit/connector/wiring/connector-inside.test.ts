import t from 'tap'
import { dovecot } from '../../../../src/connector/dovecot/dovecot.ts'
import { connectorInside } from '../../../../src/connector/wiring/connector-inside.ts'
import { isUnwired } from '../../../../src/connector/wiring/wiring.ts'
import { services23, settings23 } from '../dovecot/recorded.ts'
import { recordedHost } from '../recorded-host.ts'

t.test('what may break at a reload of a daemon in a container is told as of one outside', async (t) => {
  const settings = settings23.replace('listen = *, ::', 'listen = *, [2001:db8::1]') + services23
  const host = recordedHost({ 'podman exec mail doveconf -P -a': settings })
  const box = { run: ['podman', 'exec', 'mail'], paths: [{ inside: '/srv', outside: '/var/lib/mail' }] } as const

  const wiring = await connectorInside(dovecot, box).readWiring?.(host)

  if (wiring === undefined || isUnwired(wiring)) throw new Error('its settings were not read')
  t.match(wiring.warnings, [/\[2001:db8::1\]/])
})
