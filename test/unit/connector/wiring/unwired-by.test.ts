import t from 'tap'
import { unwiredBy } from '../../../../src/connector/wiring/wiring.ts'

const answer = { exitCode: 1, stdout: '', isMissing: false }

for (const [program, output] of [
  ['postconf', 'postconf: fatal: open /etc/postfix/main.cf: No such file or directory'],
  ['doveconf', 'doveconf: Fatal: open(/etc/dovecot/dovecot.conf) failed: No such file or directory (copy example …)'],
  ['nginx', 'nginx: [emerg] open() "/etc/nginx/nginx.conf" failed (2: No such file or directory)'],
  ['haproxy', '[ALERT] (3) : Could not open configuration file /etc/haproxy/haproxy.cfg : No such file or directory'],
  ['apache', 'apache2: Could not open configuration file /etc/apache2/apache2.conf: No such file or directory'],
  ['exim4', 'LOG: MAIN PANIC DIE\n  non-existent configuration file(s): /etc/exim4/exim4.conf:/var/lib/exim4/config'],
] as const) {
  t.test(`${program}: a daemon that was never set up is not a broken one`, async (t) => {
    t.match(unwiredBy(program, { ...answer, output }), { unwired: 'not installed', reason: /nobody has set it up/ })
  })
}

for (const [program, output] of [
  [
    'doveconf',
    'doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 3: ssl_cert: Unknown setting',
  ],
  [
    'doveconf',
    "Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 9: Couldn't open include file /x.conf",
  ],
  ['postconf', 'postconf: fatal: open /srv/out/main.cf: No such file or directory'],
  ['postconf', 'postconf: fatal: open /etc/postfix/main.cf: Permission denied'],
] as const) {
  t.test(
    `${program}: a configuration that it refuses, or another instance without one, is broken: ${output}`,
    async (t) => {
      t.match(unwiredBy(program, { ...answer, output }), { unwired: 'broken', said: output.slice(-60) })
    },
  )
}

t.test('a command that may not do here what it does is denied: that is no broken configuration', async (t) => {
  const output = 'nginx: [emerg] bind() to 0.0.0.0:443 failed (13: Permission denied)'

  t.match(unwiredBy('nginx', { ...answer, output }), {
    unwired: 'denied',
    reason: /CapabilityBoundingSet=CAP_NET_BIND_SERVICE/,
  })
})
