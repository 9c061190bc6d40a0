import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { open, rename, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { PreparedChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { copyAttributes } from '../../../src/host/copy-attributes.ts'
import { changesIn, generationIn } from '../../support/changes.ts'
import { unlessInstalled } from '../../support/daemons.ts'

const skip = unlessInstalled('setfacl', 'getfacl')
const list = ['user::rw-', 'user:games:r--', 'group::---', 'mask::r--', 'other::---']

t.test('a new file takes over the access control list, and lets no group in that had no right', { skip }, async (t) => {
  const folder = t.testdir({ 'key.pem': 'old' })
  giveList(join(folder, 'key.pem'))
  const changes = await changesIn(folder, { 'key.pem': 'new' })

  await stageFiles(changes)

  t.same(listOf(stagedIn(changes)), list)
})

t.test('so does the file of a new generation, from the one that is live', { skip }, async (t) => {
  const folder = t.testdir({ generations: { first: { 'key.pem': 'old' } } })
  symlinkSync('generations/first', join(folder, 'current'))
  giveList(join(folder, 'generations/first/key.pem'))
  const changes = await generationIn(folder, { 'key.pem': 'new' })

  await stageFiles(changes)

  t.same(listOf(stagedIn(changes)), list)
})

t.test('a file without a list is as open to its group as before', { skip }, async (t) => {
  const folder = t.testdir({ 'key.pem': 'old' })
  chmodSync(join(folder, 'key.pem'), 0o640)
  const changes = await changesIn(folder, { 'key.pem': 'new' })

  await stageFiles(changes)

  t.same(listOf(stagedIn(changes)), ['user::rw-', 'group::r--', 'other::---'])
})

t.test('a list that cannot be taken over is STAGE_FAILED', { skip }, async (t) => {
  const folder = t.testdir({ 'key.pem': 'old' })
  giveList(join(folder, 'key.pem'))
  const changes = await changesIn(folder, { 'key.pem': 'new' })
  await unlink(join(folder, 'key.pem'))

  await t.rejects(stageFiles(changes), { code: 'STAGE_FAILED', details: { reason: /ENOENT.*key\.pem/ } })
})

t.test('it is given to the file that is open, not to what has its name by now', { skip }, async (t) => {
  const folder = t.testdir({ from: 'a', to: 'b', other: 'c' })
  const path = (name: string): string => join(folder, name)
  giveList(path('from'))
  const before = listOf(path('other'))
  const file = await open(path('to'), 'r+')
  await rename(path('to'), path('moved'))
  await symlink('other', path('to'))

  await copyAttributes({ path: path('from'), attributes: 'mode' }, file)
  await file.close()

  t.same(listOf(path('moved')), list)
  t.same(listOf(path('other')), before)
})

t.test('what cp says is in the error; a link is not followed', async (t) => {
  const folder = t.testdir({ from: 'a', to: 'b' })
  symlinkSync('from', join(folder, 'link'))
  mkdirSync(join(folder, 'folder'))
  const file = await open(join(folder, 'to'), 'r+')
  t.teardown(() => file.close())
  const directory = await open(join(folder, 'folder'))
  t.teardown(() => directory.close())

  await t.rejects(copyAttributes({ path: join(folder, 'link'), attributes: 'mode' }, file), { code: 'ELOOP' })
  await t.rejects(copyAttributes({ path: join(folder, 'from'), attributes: 'all' }, directory), {
    message: /attributes of .*from cannot be copied: cp: /,
  })
})

function giveList(path: string): void {
  chmodSync(path, 0o600)
  execFileSync('setfacl', ['-m', 'u:games:r', path])
}

function listOf(path: string): readonly string[] {
  return execFileSync('getfacl', ['-cpE', path], { encoding: 'utf8' }).trim().split('\n')
}

function stagedIn({ files }: PreparedChanges): string {
  return files[0]?.staged ?? ''
}
