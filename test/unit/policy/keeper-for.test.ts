import { mkdirSync, symlinkSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { keeperFor } from '../../../src/policy/keeper-for.ts'

const kept = (path: string, owner: string, group: string | null = null) => ({ path, owner, group })

t.test(
  'the nearest named folder says who its keeper is, where its links lead; of another it says nothing',
  async (t) => {
    const dir = t.testdir({ real: { inner: {} } })
    mkdirSync(join(dir, 'real-other'))
    symlinkSync('real', join(dir, 'link'))
    const folders = [
      kept(join(dir, 'link'), '1001'),
      kept(join(dir, 'real/inner'), 'root', '1002'),
      kept('/nowhere', 'x'),
    ]
    const of = (name: string) => keeperFor(join(dir, name), { folders })

    t.same(await of('real/a.pem'), { uid: 1001, gid: null })
    t.same(await of('real/other/a.pem'), { uid: 1001, gid: null })
    t.same(await of('real/inner/a.pem'), { uid: 0, gid: 1002 })
    t.equal(await of('a.pem'), null)
    t.equal(await of('real-other/a.pem'), null)
    t.same(await keeperFor('/srv/a.pem', { folders: [kept('/', 'root')] }), { uid: 0, gid: null })
  },
)

t.test('a folder that its user has exchanged for a link does not have the keeper of where that leads', async (t) => {
  const dir = t.testdir({ theirs: {}, ours: {} })
  await chown(join(dir, 'theirs'), 1001, 1001)
  symlinkSync('../ours', join(dir, 'theirs/tls'))
  const folders = [kept(join(dir, 'theirs/tls'), '1001')]

  t.equal(await keeperFor(join(dir, 'ours/a.pem'), { folders }), null)
  t.same(await keeperFor(join(dir, 'theirs/tls/a.pem'), { folders }), { uid: 1001, gid: null })
})

t.test('a user or group that the host does not have is told, by its name', async (t) => {
  const dir = t.testdir({})

  for (const folder of [kept(dir, 'nobody-at-all'), kept(dir, 'root', 'nobody-at-all')])
    await t.rejects(keeperFor(join(dir, 'a.pem'), { folders: [folder] }), {
      code: 'PATH_NOT_ALLOWED',
      details: { reason: /no such (user|group): nobody-at-all/, setting: 'policy.folders' },
    })
})
