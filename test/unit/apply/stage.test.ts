import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { PreparedChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles, unstageFiles } from '../../../src/apply/stage.ts'
import { changesIn, generationIn, stateOf } from '../../support/changes.ts'

t.test(
  'each new file waits beside its destination with all bytes, mode and owner; the live one is untouched',
  async (t) => {
    const folder = t.testdir({ 'a.pem': 'old' })
    chmodSync(join(folder, 'a.pem'), 0o640)
    const before = await stateOf(folder)
    const changes = await changesIn(folder, { 'a.pem': 'new a', 'b.pem': 'new b' })

    await stageFiles(changes)

    const after = await stateOf(folder)
    t.match(after, before)
    t.match(
      stagedIn(changes).map((name) => after[name]),
      [
        { text: 'new a', mode: 0o100640 },
        { text: 'new b', mode: 0o100600 },
      ],
    )
    t.equal(Object.keys(after).length, 3)
  },
)

const edits = [
  ['has other bytes', (path: string) => writeFileSync(path, 'edited')],
  ['is gone', (path: string) => rmSync(path)],
] as const
for (const [what, edit] of edits) {
  t.test(`a destination that ${what} since it was looked at is refused, and nothing is staged`, async (t) => {
    const folder = t.testdir({ 'a.pem': 'old', 'b.pem': 'old' })
    const changes = await changesIn(folder, { 'a.pem': 'new', 'b.pem': 'new' })
    edit(join(folder, 'b.pem'))
    const before = await stateOf(folder)

    await t.rejects(stageOrUnstage(changes), {
      code: 'STAGE_FAILED',
      details: { path: join(folder, 'b.pem'), reason: /somebody else/ },
    })
    t.same(await stateOf(folder), before)
  })
}

t.test('a destination that appeared, or became a link, is refused', async (t) => {
  const folder = t.testdir({ 'b.pem': 'old' })
  const changes = await changesIn(folder, { 'a.pem': 'new' })
  const changesOfB = await changesIn(folder, { 'b.pem': 'new' })
  writeFileSync(join(folder, 'a.pem'), 'theirs')
  renameSync(join(folder, 'b.pem'), join(folder, 'c.pem'))
  symlinkSync('c.pem', join(folder, 'b.pem'))

  await t.rejects(stageOrUnstage(changes), { code: 'STAGE_FAILED' })
  await t.rejects(stageOrUnstage(changesOfB), { code: 'STAGE_FAILED' })

  t.same(readdirSync(folder).toSorted(), ['a.pem', 'b.pem', 'c.pem'])
  t.equal(readFileSync(join(folder, 'a.pem'), 'utf8'), 'theirs')
})

t.test('when the second of two folders is gone, the first is as it was', async (t) => {
  const folder = t.testdir({ one: { 'a.pem': 'old' }, two: {} })
  const changes = await changesIn(folder, { 'one/a.pem': 'new', 'two/b.pem': 'new' })
  rmSync(join(folder, 'two'), { recursive: true })
  const before = await stateOf(folder)

  await t.rejects(stageOrUnstage(changes), { code: 'STAGE_FAILED', details: { reason: /ENOENT/ } })

  t.same(await stateOf(folder), before)
})

t.test('a generation is complete before the link is switched, and others may enter it', async (t) => {
  const folder = t.testdir({
    generations: { old: { 'a.pem': 'old' } },
    current: t.fixture('symlink', 'generations/old'),
  })
  const changes = await generationIn(folder, { 'a.pem': 'new' })
  const umask = process.umask(0o077)

  await stageFiles(changes).finally(() => process.umask(umask))

  const state = await stateOf(folder)
  t.equal(state['current'], 'generations/old')
  t.match(state[changes.link?.after ?? ''], { mode: 0o40755 })
  t.match(
    stagedIn(changes).map((name) => state[name]),
    [changes.link?.after, { text: 'new' }],
  )
})

t.test('a link that somebody switched since is refused, and no generation is left', async (t) => {
  const folder = t.testdir({ current: t.fixture('symlink', 'elsewhere') })
  const changes = await generationIn(folder, { 'a.pem': 'new' })
  rmSync(join(folder, 'current'))
  symlinkSync('theirs', join(folder, 'current'))

  await t.rejects(stageOrUnstage(changes), { code: 'STAGE_FAILED', details: { path: join(folder, 'current') } })

  t.same(await stateOf(folder), { current: 'theirs' })
})

t.test('a live file that somebody edited in the generation since is refused: it would be pruned', async (t) => {
  const folder = t.testdir({
    generations: { old: { 'a.pem': 'old' } },
    current: t.fixture('symlink', 'generations/old'),
  })
  const changes = await generationIn(folder, { 'a.pem': 'new' })
  writeFileSync(join(folder, 'current/a.pem'), 'edited')
  const before = await stateOf(folder)

  await t.rejects(stageOrUnstage(changes), { code: 'STAGE_FAILED', details: { reason: /somebody else/ } })

  t.same(await stateOf(folder), before)
})

t.test('unstaging leaves what was there, may be repeated, and may come before any staging', async (t) => {
  for (const prepare of [changesIn, generationIn]) {
    const folder = t.testdir({ 'a.pem': 'old' })
    const before = await stateOf(folder)
    const changes = await prepare(folder, { 'a.pem': 'new', 'b.pem': 'new' })

    await unstageFiles(changes)
    await stageFiles(changes)
    await unstageFiles(changes)
    await unstageFiles(changes)

    t.same(await stateOf(folder), before, prepare.name)
  }
})

t.test('unstaging leaves other generations, and a folder for them that is in use', async (t) => {
  const folder = t.testdir({})
  mkdirSync(join(folder, 'generations/by-hand'), { recursive: true })
  const changes = await generationIn(folder, { 'a.pem': 'new' })
  await stageFiles(changes)

  await unstageFiles(changes)

  t.same(Object.keys(await stateOf(folder)), ['generations', 'generations/by-hand'])
})

/** As a deployment does it. */
async function stageOrUnstage(changes: PreparedChanges): Promise<void> {
  await stageFiles(changes).catch(async (error: unknown) => {
    await unstageFiles(changes)
    throw error
  })
}

/** Names of what is staged, below the folder that both changes are in. */
function stagedIn({ files, link }: PreparedChanges): readonly string[] {
  if (link === null) return files.map(({ staged }) => staged.slice(staged.lastIndexOf('/') + 1))
  const base = link.link.slice(0, link.link.lastIndexOf('/') + 1)
  return [link.staged, ...files.map(({ staged }) => staged)].map((path) => path.slice(base.length))
}
