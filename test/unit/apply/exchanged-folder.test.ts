import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commitFiles, dropOldFiles } from '../../../src/apply/commit.ts'
import type { PreparedChanges } from '../../../src/apply/prepare-changes.ts'
import { requireReplaceable } from '../../../src/apply/require-replaceable.ts'
import { stageFiles, unstageFiles } from '../../../src/apply/stage.ts'
import { inOpenFolders } from '../../../src/host/file/folder/open-folders.ts'
import { hasCommitBegun, isCommitted, isUncommitted } from '../../../src/rollback/how-far.ts'
import { restoreFiles } from '../../../src/rollback/restore-files.ts'
import { changesIn, generationIn, stateOf } from '../../support/changes.ts'

const isRoot = process.geteuid?.() === 0

type Step = (changes: PreparedChanges) => Promise<unknown>

const looks: Readonly<Record<string, Step>> = { hasCommitBegun, isCommitted, isUncommitted, requireReplaceable }
const steps: readonly (readonly [string, Step, readonly Step[]])[] = [
  ['staging', stageFiles, []],
  ['unstaging', unstageFiles, [stageFiles]],
  ['the commit', commitFiles, [stageFiles]],
  ['the rollback', restoreFiles, [stageFiles, commitFiles]],
  ['dropping', dropOldFiles, [stageFiles, commitFiles]],
  ...Object.entries(looks).map(([name, look]) => [name, look, [stageFiles, commitFiles]] as const),
]
for (const prepare of [changesIn, generationIn]) {
  for (const [what, step, before] of steps) {
    t.test(`a folder that became a link leads ${what} nowhere: ${prepare.name}`, async (t) => {
      const { folder, changes } = await prepared(t, prepare)
      for (const each of before) await each(changes)
      const elsewhere = exchange(folder)
      const untouched = await stateOf(elsewhere)

      await t.rejects(step(changes), codeOf(step))

      t.same(await stateOf(elsewhere), untouched)
      t.equal(lstatSync(join(folder, 'tls')).isSymbolicLink(), true)
    })
  }
}

t.test('a folder that becomes a link in the middle of a step leads the rest of the step nowhere', async (t) => {
  const { folder, changes } = await prepared(t, changesIn)
  await stageFiles(changes)
  const [change] = changes.files
  if (change === undefined) throw new Error('there is one')
  let elsewhere = ''

  await inOpenFolders(
    () => null,
    async (folders) => {
      await folders.keep(change.destination, change.kept)
      elsewhere = exchange(folder)
      await folders.move(change.staged, change.destination)
      await folders.remove(change.kept)
      await folders.sync([change.destination])
    },
  )

  t.match(await stateOf(elsewhere), { 'a.pem': { text: 'of somebody else' } })
  t.match(await stateOf(join(folder, 'moved')), { 'a.pem': { text: 'new' } })
})

t.test(
  "a folder that is somebody else's by now is not put back through, and the error says so",
  { skip: isRoot ? false : 'only root can give a folder to somebody else' },
  async (t) => {
    const { folder, changes } = await prepared(t, changesIn)
    await stageFiles(changes)
    await commitFiles(changes)
    chownSync(join(folder, 'tls'), 12_345, 0)

    await t.rejects(restoreFiles(changes), {
      code: 'ROLLBACK_FAILED',
      details: { reason: [/belongs to user 12345/], setting: 'policy.folders', way: /policy\.folders: \{/ },
    })
    t.equal(readFileSync(join(folder, 'tls/a.pem'), 'utf8'), 'new')

    const keeper = { uid: 12_345, gid: null }
    await restoreFiles({ ...changes, files: changes.files.map((change) => ({ ...change, keeper })) })
    t.equal(readFileSync(join(folder, 'tls/a.pem'), 'utf8'), 'old', 'whom policy named')
  },
)

const name = '20260101T000000Z-00000000'

t.test('an old generation that is a link to another folder keeps what is in that', async (t) => {
  for (const isAbove of [false, true]) {
    const folder = t.testdir({ keys: { 'a.pem': 'a key of the store', [name]: { 'a.pem': 'another' } }, tls: {} })
    const store = await stateOf(join(folder, 'keys'))
    if (isAbove) symlinkSync('../keys', join(folder, 'tls/generations'))
    else {
      mkdirSync(join(folder, 'tls/generations'))
      symlinkSync('../../keys', join(folder, 'tls/generations', name))
    }
    symlinkSync(`generations/${name}`, join(folder, 'tls/current'))
    const changes = await generationIn(join(folder, 'tls'), { 'a.pem': 'new' })

    if (isAbove) await t.rejects(stageFiles(changes), { code: 'PATH_NOT_ALLOWED' })
    else {
      await stageFiles(changes)
      await commitFiles(changes)
      await dropOldFiles(changes)
    }

    t.same(await stateOf(join(folder, 'keys')), store)
  }
})

t.test('of an old generation only the files that this deployment or its record has are removed', async (t) => {
  const folder = t.testdir({
    generations: { [name]: { 'a.pem': 'old', 'chain.pem': 'of the record', 'notes.txt': 'by hand' } },
    current: t.fixture('symlink', `generations/${name}`),
  })
  const { files, link } = await generationIn(folder, { 'a.pem': 'new' })
  if (link === null) throw new Error('there is one')
  const changes = { files, link: { ...link, earlier: ['chain.pem'] } }
  await stageFiles(changes)
  await commitFiles(changes)

  await dropOldFiles(changes)

  t.same(readdirSync(join(folder, 'generations', name)), ['notes.txt'])
})

async function prepared(t: Test, prepare: typeof changesIn): Promise<{ folder: string; changes: PreparedChanges }> {
  const folder = t.testdir({ tls: { 'a.pem': 'old' } })
  return { folder, changes: await prepare(join(folder, 'tls'), { 'a.pem': 'new', 'b.pem': 'new' }) }
}

/** The folder goes away, and a link to one with the same names takes its name. Returns that one. */
function exchange(folder: string): string {
  const [tls, moved, elsewhere] = ['tls', 'moved', 'elsewhere'].map((each) => join(folder, each)) as [
    string,
    string,
    string,
  ]
  renameSync(tls, moved)
  mkdirSync(elsewhere)
  for (const each of readdirSync(moved, { withFileTypes: true })) {
    if (each.isFile()) writeFileSync(join(elsewhere, each.name), 'of somebody else')
    else if (each.isSymbolicLink()) symlinkSync('nowhere', join(elsewhere, each.name))
    else mkdirSync(join(elsewhere, each.name))
  }
  symlinkSync('elsewhere', tls)
  return elsewhere
}

function codeOf(step: Step): { readonly code: string } {
  return { code: step === restoreFiles ? 'ROLLBACK_FAILED' : 'PATH_NOT_ALLOWED' }
}
