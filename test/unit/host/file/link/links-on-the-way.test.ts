import { join } from 'node:path'
import t from 'tap'
import { linksOnTheWay } from '../../../../../src/host/file/link/links-on-the-way.ts'

t.test('each link by which a path leads is told, in the folder that it is really in', async (t) => {
  const dir = t.testdir({
    real: { 'a.pem': '', inner: t.fixture('symlink', '../real/deep'), deep: { 'b.pem': '' } },
    way: t.fixture('symlink', 'real'),
    back: t.fixture('symlink', 'way/inner/../a.pem'),
    loop: t.fixture('symlink', 'loop'),
  })
  const at = (...names: readonly string[]): readonly string[] => names.map((name) => join(dir, name))

  t.same(await linksOnTheWay(join(dir, 'real/a.pem')), [])
  t.same(await linksOnTheWay(join(dir, 'way//./inner/b.pem')), at('way', 'real/inner'))
  t.same(await linksOnTheWay(join(dir, 'back')), at('back', 'way', 'real/inner'))
  t.same(await linksOnTheWay(join(dir, 'way/nowhere/c.pem')), at('way'))
  await t.rejects(linksOnTheWay(join(dir, 'loop')), { message: /too many links/ })
})

t.test('one that begins at the root of the file system is followed from there', async (t) => {
  const dir = t.testdir({ real: { 'a.pem': '' } })
  const other = t.testdir({ real: { 'a.pem': '' }, far: t.fixture('symlink', join(dir, 'real')) })

  t.same(await linksOnTheWay(join(other, 'far/a.pem')), [join(other, 'far')])
})
