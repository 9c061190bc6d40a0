import { chmod, chown, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isRoot } from '../../../../src/host/host-facts.ts'
import { loadModule } from '../../../../src/host/process/load-module.ts'

t.test('a module that only its owner can write is loaded, also through a link', async (t) => {
  const { dir, module } = await layOut(t)
  await symlink(module, join(dir, 'link.mjs'))

  t.match(await loadModule(module), { answer: 42 })
  t.match(await loadModule(join(dir, 'link.mjs')), { answer: 42 })
})

t.test('a module that others can write, or replace, is not loaded', async (t) => {
  const { dir, folder, module } = await layOut(t)

  for (const [place, mode] of [
    [module, 0o664],
    [folder, 0o775],
    [folder, 0o757],
    [dir, 0o777],
  ] as const) {
    await chmod(place, mode)
    await t.rejects(loadModule(module), { message: `others may write ${place}: chmod go-w ${place}` })
    await chmod(place, 0o755)
  }
})

t.test('a folder with the sticky bit may be above a module, because nobody can replace what is in it', async (t) => {
  const { folder, module } = await layOut(t)
  await chmod(folder, 0o1777)

  t.match(await loadModule(module), { answer: 42 })
})

t.test(
  'a module of another user is not loaded',
  { skip: isRoot() ? false : 'only root can give files away' },
  async (t) => {
    const { folder, module } = await layOut(t)

    for (const place of [module, folder]) {
      await chown(place, 65_534, 0)
      await t.rejects(loadModule(module), { message: `${place} belongs to another user: chown root ${place}` })
      await chown(place, 0, 0)
    }
  },
)

t.test(
  'a module is not loaded through a link that another user may exchange',
  { skip: isRoot() ? false : 'only root can give files away' },
  async (t) => {
    const { dir, module } = await layOut(t)
    const theirs = join(dir, 'theirs')
    await mkdir(theirs)
    await symlink(module, join(theirs, 'link.mjs'))
    await chown(theirs, 65_534, 65_534)

    const message = `${theirs} belongs to another user: chown root ${theirs}`
    await t.rejects(loadModule(join(theirs, 'link.mjs')), { message })
  },
)

t.test('what is no module says why', async (t) => {
  const { dir, folder } = await layOut(t)

  await t.rejects(loadModule(join(dir, 'nowhere.mjs')), /ENOENT/)
  await t.rejects(loadModule(folder), /not a regular file/)
  await t.rejects(loadModule(join(folder, 'torn.mjs')), SyntaxError)
})

async function layOut(t: Test) {
  const dir = t.testdir({ folder: { 'module.mjs': 'export const answer = 42\n', 'torn.mjs': 'export const = ' } })
  const folder = join(dir, 'folder')
  const module = join(folder, 'module.mjs')
  for (const path of [dir, folder]) await chmod(path, 0o755)
  await chmod(module, 0o644)
  return { dir, folder, module }
}
