import { chmod, chown, lchown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { foreignOnTheWayTo } from '../../../../src/host/file/ours.ts'
import { isRoot } from '../../../../src/host/host-facts.ts'

const asRoot = { skip: isRoot() ? false : 'only root can give files away' }

t.test('what only its owner may write is ours, folder and file, also where nothing is yet', async (t) => {
  const { folder, file } = await layOut(t)

  for (const path of [folder, file, join(folder, 'new'), join(folder, 'no', 'such')])
    t.equal(await foreignOnTheWayTo(path), null, path)
})

t.test('what others may write is not, nor what is below it', async (t) => {
  const { folder, file } = await layOut(t)

  for (const mode of [0o775, 0o757]) {
    await chmod(folder, mode)
    for (const path of [folder, file, join(folder, 'new')])
      t.match(await foreignOnTheWayTo(path), { path: folder, fix: `chmod go-w ${folder}` })
  }
  await chmod(folder, 0o755)
  await chmod(file, 0o646)
  t.match(await foreignOnTheWayTo(file), { path: file, reason: `others may write ${file}`, fix: `chmod go-w ${file}` })
})

t.test('a sticky folder is passed through and is not ours itself', async (t) => {
  const { folder, file } = await layOut(t)
  await chmod(folder, 0o1777)

  t.equal(await foreignOnTheWayTo(file), null)
  t.match(await foreignOnTheWayTo(folder), { path: folder })
  t.equal(await foreignOnTheWayTo(join(folder, 'new')), null, 'who makes it asks again')
  t.match(await foreignOnTheWayTo(`${folder}/sub/..`), { path: folder })
})

t.test('what belongs to another user is not ours', asRoot, async (t) => {
  const { dir, folder, file } = await layOut(t)

  for (const place of [dir, folder, file]) {
    await chown(place, 65_534, 0)
    t.match(await foreignOnTheWayTo(file), { path: place, fix: `chown root ${place}` })
    await chown(place, 0, 0)
  }
})

t.test('a link is as good as the folder that it is in, and as what it leads to', asRoot, async (t) => {
  const { dir, folder, file } = await layOut(t)
  const theirs = join(dir, 'theirs')
  await mkdir(theirs)
  await symlink(file, join(theirs, 'link'))
  await symlink('theirs/link', join(dir, 'twice'))
  await symlink(folder, join(dir, 'linked'))

  t.equal(await foreignOnTheWayTo(join(dir, 'twice')), null)
  t.equal(await foreignOnTheWayTo(join(dir, 'linked', 'file')), null)
  await chown(theirs, 65_534, 65_534)
  t.match(await foreignOnTheWayTo(join(dir, 'twice')), { path: theirs }, 'its owner may exchange the link')
  await chown(folder, 65_534, 65_534)
  t.match(await foreignOnTheWayTo(join(dir, 'linked', 'file')), { path: folder })
})

t.test("in a sticky folder another user's link is not ours", asRoot, async (t) => {
  const { folder, file } = await layOut(t)
  const link = join(folder, 'link')
  await symlink(file, link)
  await lchown(link, 65_534, 65_534)
  await chmod(folder, 0o1777)

  t.match(await foreignOnTheWayTo(link), { path: link, fix: `chown root ${link}` })
})

t.test('links that lead in a circle end', async (t) => {
  const { dir } = await layOut(t)
  await symlink('two', join(dir, 'one'))
  await symlink('one', join(dir, 'two'))

  t.match(await foreignOnTheWayTo(join(dir, 'one')), { reason: /too many links/ })
})

async function layOut(t: Test) {
  const dir = t.testdir({ folder: { sub: {} } })
  const folder = join(dir, 'folder')
  const file = join(folder, 'file')
  await writeFile(file, 'ours')
  for (const path of [dir, folder, join(folder, 'sub')]) await chmod(path, 0o755)
  await chmod(file, 0o644)
  return { dir, folder, file }
}
