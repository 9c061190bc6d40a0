import t from 'tap'
import { once } from '../../../../src/deployer/transaction/transaction.ts'

t.test('each command is run once, where it is last', (t) => {
  const map = ['postmap', '-F', 'hash:/etc/postfix/sni']
  const reload = ['postfix', 'reload']

  t.same(once([reload, map, reload].map(command)), [map, reload])
  t.same(once([map, reload, reload].map(command)), [map, reload])
  t.same(once([]), [])
  t.end()
})

t.test('commands that differ in one argument are two', (t) => {
  const commands = [command(['nginx', '-t']), command(['nginx', '-t', '-c', '/srv/nginx.conf'])]

  t.same(once(commands), commands)
  t.end()
})

function command([program = '', ...args]: readonly string[]): readonly [string, ...string[]] {
  return [program, ...args]
}
