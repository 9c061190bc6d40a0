import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isInPlace, prepareChanges } from '../../../src/apply/prepare-changes.ts'
import type { FileRole, PlannedFile } from '../../../src/plan/plan.ts'
import { changesIn, generationIn, plannedFile } from '../../support/changes.ts'

const isRoot = process.geteuid?.() === 0

t.test('what is kept is the mode and the owner of the live file', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })
  const path = join(folder, 'a.pem')
  chmodSync(path, 0o2640)
  if (isRoot) chownSync(path, 1234, 2345)
  if (isRoot) chmodSync(path, 0o2640)

  const { files } = await changesIn(folder, { 'a.pem': 'new' })

  const owner = isRoot ? { uid: 1234, gid: 2345 } : {}
  t.match(files, [{ before: { mode: 0o2640, ...owner }, after: { mode: 0o2640, ...owner } }])
  t.not(files[0]?.before?.digest, files[0]?.after.digest)
})

t.test('a file that is not there yet is of root, and only what is public may be read by others', async (t) => {
  const folder = t.testdir({})
  const modes: Readonly<Record<FileRole, number>> = {
    certificate: 0o644,
    chain: 0o644,
    key: 0o600,
    bundle: 0o600,
    other: 0o600,
  }
  const roles = Object.keys(modes) as FileRole[]

  const { files } = await prepare(roles.map((role) => plannedFile(join(folder, role), 'text', { role })))

  for (const { role, before, after } of files)
    t.match({ before, after }, { before: null, after: { mode: modes[role], uid: 0, gid: 0 } }, role)
})

t.test('a mode and an owner that the target names win over the live ones', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })

  const { files } = await prepare([
    plannedFile(join(folder, 'a.pem'), 'new', { mode: 0o640, owner: 'daemon', group: '0' }),
  ])

  t.match(files, [{ after: { mode: 0o640, uid: 1, gid: 0 } }])
})

t.test('an account that this host does not have is refused, by its name', async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'a.pem')

  for (const changes of [{ owner: 'nobody-at-all' }, { group: 'nobody-at-all' }, { owner: '-x' }]) {
    const refused = prepare([plannedFile(path, 'new', changes)])
    await t.rejects(refused, { code: 'STAGE_FAILED', details: { path, reason: /nobody-at-all|-x/ } })
  }
})

t.test('what a daemon needs of a new file is for a new file alone, and the plan has the last word', async (t) => {
  const folder = t.testdir({ 'live.pem': 'old' })
  chmodSync(join(folder, 'live.pem'), 0o600)
  const fresh = { mode: 0o640, owner: '7', group: '8' }

  const { files } = await prepare([
    plannedFile(join(folder, 'new.pem'), 'new', { fresh }),
    plannedFile(join(folder, 'said.pem'), 'new', { fresh, mode: 0o400, owner: '1', group: '2' }),
    plannedFile(join(folder, 'live.pem'), 'new', { fresh }),
  ])

  t.match(files[0]?.after, { mode: 0o640, uid: 7, gid: 8 })
  t.match(files[1]?.after, { mode: 0o400, uid: 1, gid: 2 })
  t.match(files[2]?.after, { mode: 0o600, uid: files[2]?.live?.uid, gid: files[2]?.live?.gid })
})

t.test('a key is open to nobody else, whatever the old file, the target, the connector and its role say', async (t) => {
  const folder = t.testdir({ 'live.pem': 'old' })
  chmodSync(join(folder, 'live.pem'), 0o647)
  const key = '-----BEGIN PRIVATE KEY-----\n'
  const cases = [
    plannedFile(join(folder, 'live.pem'), 'new', { role: 'key' }),
    plannedFile(join(folder, 'live.pem'), 'new', { role: 'bundle', mode: 0o644 }),
    plannedFile(join(folder, 'said.pem'), 'new', { role: 'key', mode: 0o647 }),
    plannedFile(join(folder, 'fresh.pem'), 'new', { role: 'bundle', fresh: { mode: 0o644 } }),
    plannedFile(join(folder, 'live.pem'), key, { role: 'certificate' }),
    plannedFile(join(folder, 'new.pem'), key, { role: 'certificate' }),
    plannedFile(join(folder, 'new.json'), key, { role: 'other', mode: 0o666 }),
  ]

  const { files } = await prepare(cases)

  for (const { path, after } of files) t.equal(after.mode & 0o007, 0, path)
})

t.test('a folder, a dangling link and a file too large to be one are refused', async (t) => {
  const folder = t.testdir({ 'large.pem': 'x'.repeat(1024 * 1024 + 1) })
  mkdirSync(join(folder, 'folder.pem'))
  symlinkSync('nowhere', join(folder, 'dangling.pem'))

  for (const name of ['folder.pem', 'dangling.pem', 'large.pem'])
    await t.rejects(changesIn(folder, { [name]: 'new' }), { code: 'STAGE_FAILED', details: { reason: /./ } }, name)
})

t.test('staged and kept names are beside the destination, hidden, and new each time', async (t) => {
  const folder = t.testdir({ 'a.pem': 'old' })

  const [one, other] = await Promise.all([changesIn(folder, { 'a.pem': 'new' }), changesIn(folder, { 'a.pem': 'new' })])

  for (const { staged, kept } of [...one.files, ...other.files]) {
    t.match(staged.slice(folder.length), /^\/\.waxseal-[0-9a-f]{24}\.new$/)
    t.match(kept.slice(folder.length), /^\/\.waxseal-[0-9a-f]{24}\.old$/)
  }
  t.equal(new Set([...one.files, ...other.files].flatMap(({ staged, kept }) => [staged, kept])).size, 4)
})

t.test('a generation is named for its time, is all new, and keeps mode and owner of what is live', async (t) => {
  const folder = t.testdir({
    generations: { old: { 'a.pem': 'old' } },
    current: t.fixture('symlink', 'generations/old'),
  })
  chmodSync(join(folder, 'generations/old/a.pem'), 0o640)

  const { files, link } = await generationIn(folder, { 'a.pem': 'new' })

  t.match(link, { before: 'generations/old', after: /^generations\/20261124T030405Z-[0-9a-f]{8}$/ })
  t.equal(link?.folder, join(folder, link?.after ?? ''))
  t.match(files, [{ destination: join(link?.folder ?? '', 'a.pem'), before: null, after: { mode: 0o640 } }])
  t.match(files, [{ live: { bytes: Buffer.from('old'), mode: 0o640 } }])
})

t.test('two generations of one second have two names', async (t) => {
  const folder = t.testdir({})

  const [one, other] = await Promise.all([generationIn(folder, {}), generationIn(folder, {})])

  t.match(one.link, { before: null })
  t.not(one.link?.folder, other.link?.folder)
})

t.test('a `current` that is a folder or a file is no link of generations', async (t) => {
  for (const current of [{}, 'text'])
    await t.rejects(generationIn(t.testdir({ current }), { 'a.pem': 'new' }), {
      code: 'STAGE_FAILED',
      details: { reason: /no symlink/ },
    })
})

t.test('a file is in place when bytes, mode and owner are, and not before', async (t) => {
  const folder = t.testdir({ 'a.pem': 'same' })
  const path = join(folder, 'a.pem')
  chmodSync(path, 0o640)

  const inPlace = async (text: string, changes: Partial<PlannedFile> = {}): Promise<boolean | undefined> =>
    (await prepare([plannedFile(path, text, changes)])).files.map(isInPlace)[0]

  t.equal(await inPlace('same'), true)
  t.equal(await inPlace('Same'), false)
  t.equal(await inPlace('same', { mode: 0o600 }), false)
  t.equal(await inPlace('same', { owner: 'nobody' }), false)
  t.equal(await inPlace('same', { group: 'daemon' }), false)
})

function prepare(files: readonly PlannedFile[]) {
  return prepareChanges(
    files.map((file) => ({ file, destination: file.path })),
    null,
  )
}
