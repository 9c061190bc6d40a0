import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commitFiles, dropOldFiles } from '../../../src/apply/commit.ts'
import { type PreparedChanges, prepareChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { resolveDestination } from '../../../src/host/policy-host.ts'
import { hasCommitBegun, isCommitted } from '../../../src/rollback/how-far.ts'
import { restoreFiles } from '../../../src/rollback/restore-files.ts'
import { changesIn, generationIn, plannedFile, stateOf } from '../../support/changes.ts'

const isRoot = process.geteuid?.() === 0

t.test('after the commit every file is new, keeps mode and owner, and its old inode waits beside it', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old a', 'b.pem': 'old b' })
  if (isRoot) chownSync(join(folder, 'a.pem'), 1234, 2345)
  chmodSync(join(folder, 'a.pem'), 0o640)
  const { ino } = statSync(join(folder, 'a.pem'))
  const changes = await changesIn(folder, { 'a.pem': 'new a', 'b.pem': 'new b', 'c.pem': 'new c' })
  await stageFiles(changes)

  await commitFiles(changes)

  const owner = isRoot ? { uid: 1234, gid: 2345 } : {}
  t.match(await stateOf(folder), {
    'a.pem': { text: 'new a', mode: 0o100640, ...owner },
    'b.pem': { text: 'new b' },
    'c.pem': { text: 'new c', mode: 0o100600 },
  })
  t.equal(statSync(changes.files[0]?.kept ?? '').ino, ino)
  t.same(
    changes.files.map(({ kept }) => read(kept)),
    ['old a', 'old b', null],
  )
  t.same(
    changes.files.map(({ staged }) => read(staged)),
    [null, null, null],
  )
})

t.test('dropping the old files leaves the new ones, and may be repeated', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })
  const changes = await committed(changesIn(folder, { 'a.pem': 'new', 'b.pem': 'new' }))

  await dropOldFiles(changes)
  await dropOldFiles(changes)

  t.match(await stateOf(folder), { 'a.pem': { text: 'new' }, 'b.pem': { text: 'new' } })
  t.equal(Object.keys(await stateOf(folder)).length, 2)
})

t.test('a destination that is a link keeps its link: the file behind it is replaced', async (t) => {
  const folder = t.testdir({ etc: {}, archive: { 'a.pem': 'old' } })
  symlinkSync('../archive/a.pem', join(folder, 'etc/a.pem'))
  const resolved = await resolveDestination(join(folder, 'etc/a.pem'))
  const destination = 'path' in resolved ? resolved.path : ''
  const file = plannedFile(join(folder, 'etc/a.pem'), 'new')

  const changes = await committed(prepareChanges([{ file, destination }], null))
  await dropOldFiles(changes)

  const state = await stateOf(folder)
  t.match(state, { 'etc/a.pem': '../archive/a.pem', 'archive/a.pem': { text: 'new' } })
  t.same(Object.keys(state), ['archive', 'archive/a.pem', 'etc', 'etc/a.pem'])
})

t.test('a staged file that is gone fails the commit, which says that it has begun', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old', 'b.pem': 'old' })
  const changes = await changesIn(folder, { 'a.pem': 'new', 'b.pem': 'new' })
  await stageFiles(changes)
  rmSync(changes.files[1]?.staged ?? '')

  await t.rejects(commitFiles(changes), { code: 'COMMIT_FAILED', details: { reason: /ENOENT/ } })

  t.equal(await hasCommitBegun(changes), true)
  t.equal(await isCommitted(changes), false)
})

t.test('the disk itself says how far a deployment got', async (t) => {
  for (const prepare of [changesIn, generationIn]) {
    const changes = await prepare(t.testdir({}), { 'a.pem': 'new', 'b.pem': 'new' })
    const seen: boolean[][] = []
    const look = async (): Promise<void> => void seen.push([await hasCommitBegun(changes), await isCommitted(changes)])

    await look()
    await stageFiles(changes)
    await look()
    await commitFiles(changes)
    await look()

    t.same(
      seen,
      [
        [false, false],
        [false, false],
        [true, true],
      ],
      prepare.name,
    )
  }
})

t.test('with a generation nothing is live before its link, and the old one stays until it is dropped', async (t) => {
  const folder = withGenerations(t)
  const changes = await committed(generationIn(folder, { 'a.pem': 'new' }))

  const state = await stateOf(folder)
  t.equal(state['current'], changes.link?.after)
  t.match(state[`${changes.link?.after}/a.pem`], { text: 'new' })
  t.match(state[`${old}/a.pem`], { text: 'old' })
  t.equal(read(join(folder, 'current/a.pem')), 'new')
})

t.test('dropping removes the generation before this one; what no deployment left behind stays', async (t) => {
  const folder = withGenerations(t)
  const other = 'generations/20260102T000000Z-00000001'
  mkdirSync(join(folder, other))
  mkdirSync(join(folder, 'generations/by-hand'))
  writeFileSync(join(folder, 'generations/README'), 'theirs')
  const changes = await committed(generationIn(folder, { 'a.pem': 'new' }))

  await dropOldFiles(changes)
  await dropOldFiles(changes)

  const state = await stateOf(folder)
  const names = ['generations', other, 'generations/README', 'generations/by-hand', changes.link?.after ?? '']
  t.same(Object.keys(state).toSorted(), ['current', ...names, `${changes.link?.after}/a.pem`].toSorted())
})

t.test('a generation that somebody pointed the link at since is not pruned', async (t) => {
  const folder = withGenerations(t)
  const changes = await committed(generationIn(folder, { 'a.pem': 'new' }))
  rmSync(join(folder, 'current'))
  symlinkSync(`${old}/`, join(folder, 'current'))

  await dropOldFiles(changes)

  t.equal(read(join(folder, 'current/a.pem')), 'old')
})

const old = 'generations/20260101T000000Z-00000000'

/** A folder whose link leads to a generation, as an earlier deployment left it. */
function withGenerations(t: Test): string {
  const folder = t.testdir({})
  mkdirSync(join(folder, old), { recursive: true })
  writeFileSync(join(folder, old, 'a.pem'), 'old')
  symlinkSync(old, join(folder, 'current'))
  return folder
}

async function committed(prepared: Promise<PreparedChanges>): Promise<PreparedChanges> {
  const changes = await prepared
  await stageFiles(changes)
  await commitFiles(changes)
  return changes
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

t.test(
  'a file that somebody wrote after it was looked at fails the commit before the first rename, and stays theirs',
  async (t) => {
    const dir = t.testdir({ 'a.pem': 'old a', 'b.pem': 'old b' })
    const changes = await changesIn(dir, { 'a.pem': 'new a', 'b.pem': 'new b' })
    await stageFiles(changes)
    writeFileSync(join(dir, 'b.pem'), 'an administrator was here')

    await t.rejects(commitFiles(changes), { code: 'COMMIT_FAILED', details: { path: join(dir, 'b.pem') } })
    await restoreFiles(changes)

    t.match(await stateOf(dir), { 'a.pem': { text: 'old a' }, 'b.pem': { text: 'an administrator was here' } })
    t.same(Object.keys(await stateOf(dir)), ['a.pem', 'b.pem'])
  },
)
