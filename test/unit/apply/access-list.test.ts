import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { open, rename, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type PreparedChanges, prepareChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { copyAttributes } from '../../../src/host/file/write/copy-attributes.ts'
import { changesIn, generationIn, plannedFile } from '../../support/changes.ts'
import { unlessInstalled } from '../../support/daemons.ts'

const skip = unlessInstalled('setfacl', 'getfacl')
const access = { mode: 0o640, uid: 0, gid: 0 }
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

t.test('a certificate that its group may not write is none that it may', { skip }, async (t) => {
  const folder = t.testdir({ 'cert.pem': 'old' })
  chmodSync(join(folder, 'cert.pem'), 0o644)
  execFileSync('setfacl', ['-m', 'u:games:rw', join(folder, 'cert.pem')])
  const changes = await changesIn(folder, { 'cert.pem': 'new' })

  await stageFiles(changes)

  t.same(listOf(stagedIn(changes)), ['user::rw-', 'user:games:rw-', 'group::r--', 'mask::rw-', 'other::r--'])
})

for (const [what, wanted] of [
  ['mode', { mode: 0o640 }],
  ['group', { group: 'man' }],
] as const)
  t.test(`where the target wants a ${what} of its own, the group has it, and there is no list`, { skip }, async (t) => {
    const path = join(t.testdir({ 'key.pem': 'old' }), 'key.pem')
    giveList(path)
    const changes = await prepareChanges([{ file: plannedFile(path, 'new', wanted), destination: path }], null)

    await stageFiles(changes)

    t.same(listOf(stagedIn(changes)), ['user::rw-', 'group::r--', 'other::---'])
  })

const exchanges = [
  ['a file that is open to everybody', (path: string) => chmodSync(path, 0o666)],
  ["somebody else's file", (path: string) => chownSync(path, 5, 0)],
  ['a folder', (path: string) => exchangeFor(path, (name) => mkdirSync(name))],
  ['a link', (path: string) => exchangeFor(path, (name) => symlinkSync('other.pem', name))],
] as const
for (const [what, exchange] of exchanges)
  t.test(
    `a live file that becomes ${what} is STAGE_FAILED, before a byte of the key is written`,
    { skip },
    async (t) => {
      const folder = t.testdir({ 'key.pem': 'old', 'other.pem': 'old' })
      giveList(join(folder, 'other.pem'))
      giveList(join(folder, 'key.pem'))
      const changes = await changesIn(folder, { 'key.pem': 'new' })
      exchange(join(folder, 'key.pem'))

      await t.rejects(stageFiles(changes), { code: 'STAGE_FAILED' })

      t.equal(readFileSync(stagedIn(changes), 'utf8'), '')
      t.equal(statSync(stagedIn(changes)).mode & 0o777, 0o600)
    },
  )

t.test(
  'a key that nobody may write is followed by such a one, also without the right to write all files',
  async (t) => {
    const folder = t.testdir({ 'key.pem': 'old' })
    chmodSync(join(folder, 'key.pem'), 0o440)
    const work = `
    const { stageFiles } = await import('${new URL('../../../src/apply/stage.ts', import.meta.url)}')
    const { changesIn } = await import('${new URL('../../support/changes.ts', import.meta.url)}')
    const changes = await changesIn('${folder}', { 'key.pem': 'new' })
    await stageFiles(changes)
    console.log(changes.files[0].staged)`
    const root = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : []

    const [program, ...args] = [...root, process.execPath, '--input-type=module', '-e', work]
    const staged = execFileSync(program, args, { encoding: 'utf8' }).trim()

    t.equal(statSync(staged).mode & 0o777, 0o440)
    t.equal(readFileSync(staged, 'utf8'), 'new')
  },
)

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

  await copyAttributes({ path: path('from'), attributes: 'mode' }, file, access)
  await file.close()

  t.same(listOf(path('moved')), list)
  t.same(listOf(path('other')), before)
})

t.test('a file that is not as wanted afterwards is an error', async (t) => {
  const folder = t.testdir({ from: 'a', to: 'b' })
  chmodSync(join(folder, 'from'), 0o640)
  chownSync(join(folder, 'to'), 5, 0)
  const file = await open(join(folder, 'to'), 'r+')
  t.teardown(() => file.close())
  const model = { path: join(folder, 'from'), attributes: 'mode' } as const

  await t.rejects(copyAttributes(model, file, access), { message: /from were changed while they were copied/ })
})

t.test('what cp says is in the error; a link is not followed', async (t) => {
  const folder = t.testdir({ from: 'a', to: 'b' })
  chmodSync(join(folder, 'from'), 0o640)
  symlinkSync('from', join(folder, 'link'))
  mkdirSync(join(folder, 'folder'))
  const file = await open(join(folder, 'to'), 'r+')
  t.teardown(() => file.close())
  const directory = await open(join(folder, 'folder'))
  t.teardown(() => directory.close())

  await t.rejects(copyAttributes({ path: join(folder, 'link'), attributes: 'mode' }, file, access), { code: 'ELOOP' })
  await t.rejects(copyAttributes({ path: join(folder, 'from'), attributes: 'all' }, directory, access), {
    message: /attributes of .*from cannot be copied: cp: /,
  })
})

function exchangeFor(path: string, make: (path: string) => void): void {
  rmSync(path)
  make(path)
}

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
