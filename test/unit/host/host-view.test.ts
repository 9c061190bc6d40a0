import { execFile } from 'node:child_process'
import { link, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'

const run = promisify(execFile)
const { identity, inode, list } = createHostView(1000, () => '/nowhere')

t.test('paths that lead to one entry of a folder have one identity, however they are written', async (t) => {
  const dir = await makeHost(t)
  await symlink('certs', join(dir, 'ssl'))
  await mkdir(join(dir, 'far', 'folder'), { recursive: true })
  await symlink('../far/folder', join(dir, 'certs', 'up'))
  await writeFile(join(dir, 'far', 'x.pem'), '')

  const own = await identity(join(dir, 'certs', 'cert.pem'))
  for (const path of ['ssl/cert.pem', 'certs//cert.pem', 'certs/./cert.pem', 'far/../certs/cert.pem', 'link.pem'])
    t.equal(await identity(`${dir}/${path}`), own, path)
  t.equal(
    await identity(`${dir}/certs/up/../x.pem`),
    await identity(join(dir, 'far', 'x.pem')),
    '`..` follows the link',
  )
  t.not(await identity(join(dir, 'certs', 'key.pem')), own)
})

t.test('what is not there yet has its identity by what is', async (t) => {
  const dir = await makeHost(t)
  await symlink('certs', join(dir, 'ssl'))
  await symlink(join(dir, 'certs', 'new.pem'), join(dir, 'dangling.pem'))
  await symlink('gone/current', join(dir, 'current'))

  const isSame = async (one: string, other: string): Promise<boolean> =>
    (await identity(`${dir}/${one}`)) === (await identity(`${dir}/${other}`))

  t.ok(await isSame('ssl/new.pem', 'certs/new.pem'))
  t.ok(await isSame('dangling.pem', 'certs/new.pem'))
  t.ok(await isSame('current/cert.pem', 'gone/current/cert.pem'))
  t.ok(await isSame('gone/../certs/new.pem', 'certs/new.pem'))
  t.notOk(await isSame('certs/new.pem', 'certs/newer.pem'))
})

t.test(
  'a rename replaces one name of a file: a hard link has an identity of its own, and the same inode',
  async (t) => {
    const dir = await makeHost(t)
    const [cert, hard] = [join(dir, 'certs', 'cert.pem'), join(dir, 'hard.pem')]
    await link(cert, hard)

    t.not(await identity(hard), await identity(cert))
    t.equal(await inode(hard), await inode(cert))
    t.equal(await inode(join(dir, 'gone.pem')), null)
  },
)

t.test('a bind mount of a folder is the folder; one of a file alone is as a hard link', async (t) => {
  const dir = await makeHost(t)
  await mkdir(join(dir, 'bound'))
  await writeFile(join(dir, 'alone.pem'), '')
  const mounts = `mount --bind ${dir}/certs ${dir}/bound && mount --bind ${dir}/certs/cert.pem ${dir}/alone.pem`
  const ask = `import('${new URL('../../../src/host/host-view.ts', import.meta.url).pathname}').then(async ({ createHostView }) => {
    const { identity, inode, list } = createHostView(1000, () => '/nowhere')
    const paths = ['certs/cert.pem', 'bound/cert.pem', 'alone.pem'].map((path) => '${dir}/' + path)
    console.log(JSON.stringify([await Promise.all(paths.map(identity)), await Promise.all(paths.map(inode))]))
  })`

  const { stdout } = await run('unshare', ['-m', 'sh', '-c', `${mounts} && exec "$0" -e "$1"`, process.execPath, ask])

  const [[certs, bound, alone], inodes] = JSON.parse(stdout)
  t.equal(bound, certs)
  t.not(alone, certs)
  t.equal(new Set(inodes).size, 1)
})

t.test('a loop of links, an endless path and a relative one are answered', async (t) => {
  const dir = await makeHost(t)
  await symlink('loop/loop/loop', join(dir, 'loop'))
  const long = `/${'a/'.repeat(500_000)}b`

  t.type(await identity(join(dir, 'loop', 'cert.pem')), 'string')
  t.equal(await identity(long), long)
  t.equal(await identity('certs/cert.pem'), 'certs/cert.pem', 'by no folder of ours')
})

t.test('the names in a folder are listed in their order; what is no folder has none', async (t) => {
  const dir = await makeHost(t)

  t.same(await list(dir), ['certs', 'link.pem'])
  t.equal(await list(join(dir, 'link.pem')), null)
  t.equal(await list(join(dir, 'nowhere')), null)
})

/** A folder with `certs/cert.pem`, and `link.pem` that leads there. */
async function makeHost(t: { teardown: (work: () => Promise<void>) => void }): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-view-')
  t.teardown(() => removeTree(dir))
  await mkdir(join(dir, 'certs'))
  await writeFile(join(dir, 'certs', 'cert.pem'), '')
  await symlink(join('certs', 'cert.pem'), join(dir, 'link.pem'))
  return dir
}
