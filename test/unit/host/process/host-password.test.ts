import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readPassword } from '../../../../src/host/process/host-password.ts'

t.test('a password is the one line of its file, without the line end', async (t) => {
  for (const text of ['correct horse', 'correct horse\n', 'correct horse\r\n'])
    t.same(await readPassword(folderWith(t, text), 'java'), { password: 'correct horse' })
})

t.test('a password that others may read is refused, with the way out', async (t) => {
  const folder = folderWith(t, 'secret')
  for (const mode of [0o640, 0o604, 0o644]) {
    chmodSync(join(folder, 'java'), mode)

    t.match(await readPassword(folder, 'java'), { reason: `chmod 600 ${join(folder, 'java')}` })
  }
})

t.test('a name that is a path is refused, and no link is followed', async (t) => {
  const folder = folderWith(t, 'secret')
  symlinkSync(join(folder, 'java'), join(folder, 'linked'))
  mkdirSync(join(folder, 'folder'), { mode: 0o700 })

  for (const name of ['../java', '/etc/shadow', '.', '..', '', 'a/../java', 'java\0', '-java'])
    t.match(await readPassword(folder, name), { reason: 'it is no name of a password' }, name)
  for (const name of ['linked', 'folder']) t.match(await readPassword(folder, name), { reason: /cannot be read/ }, name)
})

t.test('a password that is not there, and one that is too long, are refused without a byte of it', async (t) => {
  const folder = folderWith(t, 'x'.repeat(1025))

  t.match(await readPassword(folder, 'other'), { reason: /keeps no such password/ })
  const long = await readPassword(folder, 'java')

  t.match(long, { reason: /longer than 1024 bytes/ })
  t.notMatch(JSON.stringify(long), 'xxx')
})

function folderWith(t: Test, text: string): string {
  const folder = t.testdir()
  writeFileSync(join(folder, 'java'), text, { mode: 0o600 })
  return folder
}
