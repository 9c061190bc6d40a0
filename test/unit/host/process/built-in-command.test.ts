import t from 'tap'
import { findBuiltIn } from '../../../../src/host/process/built-in-command.ts'
import { runCommand } from '../../../../src/host/process/command.ts'

t.test('a program is none of our own', async (t) => {
  for (const program of ['haproxy', '/usr/sbin/haproxy', 'WAXSEAL:haproxy-load', 'systemctl', ''])
    t.equal(findBuiltIn(program), null, program)
})

t.test('no program of the host is looked for under a name of ours', async (t) => {
  for (const program of ['waxseal:', 'waxseal:nothing', 'waxseal:/usr/bin/true', 'waxseal:toString'])
    t.match(await runCommand([program], { timeoutMs: 1000 }), {
      command: [program],
      exitCode: 1,
      signal: null,
      timedOut: false,
      output: 'there is no such command in Waxseal',
    })
})
