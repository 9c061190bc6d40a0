import { chmodSync, chownSync, copyFileSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commitFiles } from '../../../src/apply/commit.ts'
import { type PreparedChanges, prepareChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { hasCommitBegun } from '../../../src/rollback/how-far.ts'
import { restoreFiles } from '../../../src/rollback/restore-files.ts'
import { attributeOf, changesIn, generationIn, plannedFile, setAttribute, stateOf } from '../../support/changes.ts'

const isRoot = process.geteuid?.() === 0

t.test('contents, mode, owner, attributes and inode are restored; what was not there is gone', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old a', 'b.pem': 'old b' })
  const path = join(folder, 'a.pem')
  if (isRoot) chownSync(path, 1234, 2345)
  chmodSync(path, 0o2640)
  const hasAttributes = setAttribute(path, 'kept')
  const [before, { ino }] = [await stateOf(folder), statSync(path)]
  const changes = await committed(changesIn(folder, { 'a.pem': 'new a', 'b.pem': 'new b', 'c.pem': 'new c' }))

  await restoreFiles(changes)

  t.same(await stateOf(folder), before)
  t.equal(attributeOf(path), hasAttributes ? 'kept' : null)
  t.equal(statSync(path).ino, ino)
  t.equal(await hasCommitBegun(changes), false)
})

t.test('it may be repeated, at every point of a deployment', async (t) => {
  for (const prepare of [changesIn, generationIn]) {
    for (const steps of [[], [stageFiles], [stageFiles, commitFiles]]) {
      const folder = t.testdir({ 'a.pem': 'old' })
      const before = await stateOf(folder)
      const changes = await prepare(folder, { 'a.pem': 'new', 'b.pem': 'new' })
      for (const step of steps) await step(changes)

      await restoreFiles(changes)
      await restoreFiles(changes)

      t.same(await stateOf(folder), before, `${prepare.name} ${steps.length}`)
    }
  }
})

t.test('a commit that stopped between two renames is undone', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old', 'b.pem': 'old' })
  const before = await stateOf(folder)
  const changes = await changesIn(folder, { 'a.pem': 'new', 'b.pem': 'new' })
  await stageFiles(changes)
  rmSync(changes.files[1]?.staged ?? '')
  await t.rejects(commitFiles(changes))

  await restoreFiles(changes)

  t.same(await stateOf(folder), before)
})

t.test('a commit that stopped before its first rename leaves two names of one inode: one is left', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })
  const before = await stateOf(folder)
  const changes = await changesIn(folder, { 'a.pem': 'new' })
  await stageFiles(changes)
  rmSync(changes.files[0]?.staged ?? '')
  await t.rejects(commitFiles(changes))

  await restoreFiles(changes)

  t.same(await stateOf(folder), before)
})

t.test('a copy that was torn before the file was replaced is dropped: the file itself is the old one', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })
  const before = await stateOf(folder)
  const changes = await changesIn(folder, { 'a.pem': 'new' })
  writeFileSync(changes.files[0]?.kept ?? '', 'o')

  await restoreFiles(changes)

  t.same(await stateOf(folder), before)
})

t.test('an old file that is not what it was is not put back; the others are', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old', 'b.pem': 'old' })
  const changes = await committed(changesIn(folder, { 'a.pem': 'new', 'b.pem': 'new' }))
  const kept = changes.files[0]?.kept ?? ''
  writeFileSync(kept, 'torn')

  await t.rejects(restoreFiles(changes), {
    code: 'ROLLBACK_FAILED',
    details: { reason: [new RegExp(`a\\.pem: .*${kept.replaceAll('.', '\\.')}`)] },
  })

  t.match(await stateOf(folder), { 'a.pem': { text: 'new' }, 'b.pem': { text: 'old' } })
  t.equal(readFileSync(kept, 'utf8'), 'torn')
})

t.test('a file that was not there, and that somebody has written since, is theirs', async (t) => {
  const folder = t.testdir({})
  const changes = await committed(changesIn(folder, { 'a.pem': 'new' }))
  writeFileSync(join(folder, 'a.pem'), 'theirs')

  await restoreFiles(changes)

  t.match(await stateOf(folder), { 'a.pem': { text: 'theirs' } })
})

t.test('a link at the destination stays, and what it leads to is restored', async (t) => {
  const folder = t.testdir({ 'real.pem': 'old' })
  symlinkSync('real.pem', join(folder, 'a.pem'))
  const before = await stateOf(folder)
  const file = plannedFile(join(folder, 'a.pem'), 'new')
  const changes = await committed(prepareChanges([{ file, destination: join(folder, 'real.pem') }], null))

  await restoreFiles(changes)

  t.same(await stateOf(folder), before)
})

t.test('a folder that is gone fails the rollback, and names it', async (t) => {
  const folder = t.testdir({ etc: { 'a.pem': 'old' } })
  const changes = await committed(changesIn(folder, { 'etc/a.pem': 'new' }))
  rmSync(join(folder, 'etc'), { recursive: true })

  await t.rejects(restoreFiles(changes), { code: 'ROLLBACK_FAILED', details: { reason: [/etc/] } })
})

t.test('the link leads back to the old generation, the new one is gone, and a copy of it is not', async (t) => {
  const old = 'generations/20260101T000000Z-00000000'
  const folder = t.testdir({ [old]: { 'a.pem': 'old' }, current: t.fixture('symlink', old) })
  const before = await stateOf(folder)
  const changes = await committed(generationIn(folder, { 'a.pem': 'new' }))
  copyFileSync(join(folder, 'current/a.pem'), join(folder, 'mine.pem'))

  await restoreFiles(changes)

  const { 'mine.pem': mine, ...after } = await stateOf(folder)
  t.same(after, before)
  t.match(mine, { text: 'new' })
})

t.test('a link that somebody switched since is left as they made it', async (t) => {
  const folder = t.testdir({ mine: { 'a.pem': 'theirs' }, current: t.fixture('symlink', 'nowhere') })
  const changes = await committed(generationIn(folder, { 'a.pem': 'new' }))
  rmSync(join(folder, 'current'))
  symlinkSync('mine', join(folder, 'current'))

  await restoreFiles(changes)

  t.same(Object.keys(await stateOf(folder)).toSorted(), ['current', 'mine', 'mine/a.pem'])
  t.equal(readFileSync(join(folder, 'current/a.pem'), 'utf8'), 'theirs')
})

async function committed(prepared: Promise<PreparedChanges>): Promise<PreparedChanges> {
  const changes = await prepared
  await stageFiles(changes)
  await commitFiles(changes)
  return changes
}
