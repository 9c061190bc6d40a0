import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openGroup } from '../../../src/host/users.ts'

t.test('a group is looked up once, also one that is not there', async (t) => {
  for (const [exitCode, stdout, expected] of [
    [0, 'waxseal:x:123:\n', 123],
    [2, '', null],
  ] as const) {
    const { find, asked } = open(t, exitCode, stdout)

    t.equal(await find(), expected)
    t.equal(await find(), expected)
    t.strictSame(asked, [['getent', 'group', 'waxseal']])
  }
})

t.test('that it could not be told is asked anew', async (t) => {
  for (const exitCode of [null, 1, 3]) {
    const { find, asked } = open(t, exitCode, '')

    t.equal(await find(), null)
    t.equal(await find(), null)
    t.equal(asked.length, 2)
  }
})

/** The file of the groups was written a minute ago. */
function open(t: Test, exitCode: number | null, stdout: string) {
  const file = join(t.testdir({ group: 'root:x:0:\n' }), 'group')
  const now = Date.now.bind(Date)
  Date.now = () => now() + 60_000
  t.teardown(() => {
    Date.now = now
  })
  const asked: (readonly string[])[] = []
  const ask = async (command: readonly string[]) => {
    asked.push(command)
    return { exitCode, stdout }
  }
  return { find: openGroup('waxseal', ask, file), asked }
}
