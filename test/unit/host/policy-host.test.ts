import { chown, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { resolveOwnFolder } from '../../../src/host/policy-host.ts'

const user = 64_917
const options = { skip: process.geteuid?.() === 0 ? false : 'only root gives a folder away' }

t.test('a folder that is named by links of root’s is what they lead to', async (t) => {
  const dir = t.testdir({ real: { tls: {} } })
  await symlink('real', join(dir, 'link'))
  await symlink(join(dir, 'link'), join(dir, 'second'))
  await symlink('loop', join(dir, 'loop'))
  await symlink('../..', join(dir, 'real/up'))

  t.equal(await resolveOwnFolder(join(dir, 'second/tls/')), join(dir, 'real/tls'))
  t.equal(await resolveOwnFolder(join(dir, 'second/none/below')), join(dir, 'real/none/below'))
  t.equal(await resolveOwnFolder(join(dir, 'loop/tls')), join(dir, 'loop/tls'))
  t.equal(await resolveOwnFolder(join(dir, 'real/up')), join(dir, '..'))
  t.equal(await resolveOwnFolder('/'), '/')
})

t.test(
  'a link of root’s that leads through a user’s folder is followed to that folder, and no further',
  options,
  async (t) => {
    const dir = t.testdir({ theirs: {}, outside: { tls: {} } })
    await symlink(join(dir, 'outside'), join(dir, 'theirs/roots'))
    await chown(join(dir, 'theirs'), user, user)
    await symlink('theirs/roots', join(dir, 'link'))
    await mkdir(join(dir, 'theirs/folder'))

    t.equal(await resolveOwnFolder(join(dir, 'link/tls')), join(dir, 'theirs/roots/tls'))
    t.equal(await resolveOwnFolder(join(dir, 'theirs/roots')), join(dir, 'theirs/roots'))
    t.equal(await resolveOwnFolder(join(dir, 'theirs/folder/x')), join(dir, 'theirs/folder/x'))
  },
)
