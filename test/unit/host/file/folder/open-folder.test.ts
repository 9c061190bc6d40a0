import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type OpenFolder, openFolder } from '../../../../../src/host/file/folder/open-folder.ts'
import type { Keeper } from '../../../../../src/plan/keeper.ts'
import { unlessInstalled } from '../../../../support/daemons.ts'

const isRoot = process.geteuid?.() === 0
const skip = isRoot ? false : 'only root can give a folder to somebody else'
const [bob, group] = [12_345, 23_456]

t.test('a folder of ours is opened, and one that is not there is none', async (t) => {
  const folder = t.testdir({ tls: {} })

  const found = await openFolder(join(folder, 'tls'), null)
  await found?.close()

  t.equal(found?.path, join(folder, 'tls'))
  t.equal(await openFolder(join(folder, 'nowhere/tls'), null), null)
})

const refusals = [
  ['belongs to somebody else', (path: string) => chownSync(path, bob, 0), /belongs to user 12345/],
  ['everybody may write', (path: string) => chmodSync(path, 0o777), /written by everybody/],
  ['everybody may write, sticky', (path: string) => chmodSync(path, 0o1777), /written by everybody/],
  ['a group may write', (path: string) => chownAndMode(path, 0, group, 0o775), /written by group 23456/],
] as const
for (const [what, change, reason] of refusals) {
  t.test(`a folder that ${what} is refused, with the line of the policy that would allow it`, { skip }, async (t) => {
    const path = join(t.testdir({ tls: {} }), 'tls')
    change(path)

    await t.rejects(openFolder(path, null), {
      code: 'PATH_NOT_ALLOWED',
      details: { path, reason, setting: 'policy.folders', way: new RegExp(`policy\\.folders: \\{ ${path}: OWNER`) },
    })
  })
}

t.test("a folder below somebody else's is refused, whoever it belongs to itself", { skip }, async (t) => {
  const folder = t.testdir({ home: { tls: {} } })
  chownSync(join(folder, 'home'), bob, 0)

  await t.rejects(openFolder(join(folder, 'home/tls'), null), {
    code: 'PATH_NOT_ALLOWED',
    details: { path: join(folder, 'home') },
  })
})

const passes = [
  ['of the group root that it may write', (path: string) => chmodSync(path, 0o775), null],
  ['that a group may only read', (path: string) => chownAndMode(path, 0, group, 0o710), null],
  ['whose owner policy names', (path: string) => chownSync(path, bob, 0), { uid: bob, gid: null }],
  ['whose group policy names', (path: string) => chownAndMode(path, bob, group, 0o2775), { uid: bob, gid: group }],
] as const satisfies readonly (readonly [string, (path: string) => void, Keeper | null])[]
for (const [what, change, keeper] of passes) {
  t.test(`a folder ${what} is opened`, { skip }, async (t) => {
    const path = join(t.testdir({ tls: { below: {} } }), 'tls')
    change(path)

    for (const each of [path, join(path, 'below')]) {
      const found = await openFolder(each, keeper)
      await found?.close()
      t.ok(found, each)
    }
  })
}

t.test('below a sticky folder, what is ours is opened, and what is not is refused', { skip }, async (t) => {
  const folder = t.testdir({ tmp: { ours: {}, theirs: {} } })
  chmodSync(join(folder, 'tmp'), 0o1777)
  chownSync(join(folder, 'tmp/theirs'), bob, 0)

  await close(openFolder(join(folder, 'tmp/ours'), null))
  await t.rejects(openFolder(join(folder, 'tmp/theirs'), null), { code: 'PATH_NOT_ALLOWED' })
})

t.test('no link is followed, on the way or at its end, not even one of root', async (t) => {
  const folder = t.testdir({ real: { tls: {} }, way: t.fixture('symlink', 'real') })

  for (const path of [join(folder, 'way'), join(folder, 'way/tls')])
    await t.rejects(openFolder(path, null), { code: 'PATH_NOT_ALLOWED', details: { reason: /way is a link/ } }, path)
})

t.test(
  'an access control list that lets somebody write is no secret of the group',
  { skip: skip || unlessInstalled('setfacl') },
  async (t) => {
    const path = join(t.testdir({ tls: {} }), 'tls')
    execFileSync('setfacl', ['--modify', `user:${bob}:rwx`, path])

    await t.rejects(openFolder(path, null), { code: 'PATH_NOT_ALLOWED', details: { reason: /access control list/ } })
  },
)

t.test('what happens in an opened folder happens there, whatever takes its name', async (t) => {
  const folder = t.testdir({ tls: {}, elsewhere: {} })
  const opened = await mustOpen(join(folder, 'tls'))
  renameSync(join(folder, 'tls'), join(folder, 'moved'))
  symlinkSync('elsewhere', join(folder, 'tls'))

  await opened.run(async () => writeFileSync(opened.at('a.pem'), 'a'))
  await opened.make('below')
  await opened.sync()
  await opened.close()

  t.same(readdirSync(join(folder, 'moved')).toSorted(), ['a.pem', 'below'])
  t.same(readdirSync(join(folder, 'elsewhere')), [])
})

t.test('an error tells the path, not the number of a descriptor', async (t) => {
  const folder = t.testdir({})
  const opened = await mustOpen(folder)

  await t.rejects(
    opened.run(async () => mkdirSync(opened.at('a/b'))),
    {
      code: 'ENOENT',
      path: join(folder, 'a/b'),
      message: new RegExp(`'${folder}/a/b'`),
    },
  )
  await opened.close()
})

async function mustOpen(path: string): Promise<OpenFolder> {
  const folder = await openFolder(path, null)
  if (folder === null) throw new Error(path)
  return folder
}

async function close(opening: Promise<OpenFolder | null>): Promise<void> {
  await (await opening)?.close()
}

function chownAndMode(path: string, uid: number, gid: number, mode: number): void {
  chownSync(path, uid, gid)
  chmodSync(path, mode)
}
