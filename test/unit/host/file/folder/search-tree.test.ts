import { execFileSync } from 'node:child_process'
import { appendFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { searchTree, type TreeBounds } from '../../../../../src/host/file/folder/search-tree.ts'

const usual = { names: 1000, depth: 10, path: 1024, fileBytes: 1000, bytes: 100_000 }

/** The paths below the folder, in the order in which they come, and what was said. */
async function search(
  folders: readonly string[],
  bounds: Partial<TreeBounds> = {},
  isLeftOut: (path: string) => boolean = () => false,
): Promise<{ readonly found: readonly string[]; readonly errors: readonly string[]; readonly isWhole: boolean }> {
  const { files, errors, isWhole } = searchTree(
    folders,
    { ...usual, signal: new AbortController().signal, ...bounds },
    isLeftOut,
  )
  const found: string[] = []
  for await (const { path, bytes } of files) found.push(`${path.slice((folders[0] ?? '').length)} ${bytes}`)
  return { found, errors, isWhole: isWhole() }
}

function site(t: Test): { readonly root: string; readonly outside: string } {
  const dir = t.testdir({
    root: { b: 'two', a: { c: 'one' }, empty: '', large: 'x'.repeat(1001) },
    outside: { key: 'o' },
  })
  return { root: join(dir, 'root'), outside: join(dir, 'outside') }
}

t.test('regular files come in the order of their names, without those that are empty or too large', async (t) => {
  const { root } = site(t)

  t.same(await search([root]), { found: ['/a/c one', '/b two'], errors: [], isWhole: true })
  t.same((await search([`${root}/`])).found, ['a/c one', 'b two'], 'with a slash at the end of the folder, too')
})

t.test(
  'a link to a file counts where the file is in the folders that are searched, and no other is followed',
  async (t) => {
    const { root, outside } = site(t)
    symlinkSync('../b', join(root, 'a', 'within'))
    symlinkSync(join(outside, 'key'), join(root, 'out'))
    symlinkSync(outside, join(root, 'away'))
    symlinkSync('..', join(root, 'a', 'round'))
    symlinkSync('nowhere', join(root, 'dead'))
    symlinkSync('loop', join(root, 'loop'))

    const alone = await search([root])
    const both = await search([root, outside])

    t.same(alone.found, ['/a/c one', '/a/within two', '/b two'])
    t.same(alone.errors, [`${root}: links that lead out of the folders that are searched are not followed: 2.`])
    t.equal(alone.isWhole, true, 'what may not be looked at leaves no gap')
    t.ok(both.found.includes('/out o'))
  },
)

t.test('the folder itself may be named by a link, and by two names', async (t) => {
  const { root } = site(t)
  symlinkSync(root, `${root}.link`)

  t.same((await search([`${root}.link`])).found, ['/a/c one', '/b two'])
})

t.test('pipes, sockets and devices are not opened', async (t) => {
  const { root } = site(t)
  execFileSync('mkfifo', [join(root, 'pipe')])
  symlinkSync('/dev/zero', join(root, 'zero'))
  symlinkSync('pipe', join(root, 'to-pipe'))

  t.same((await search([root])).found, ['/a/c one', '/b two'])
})

t.test('a file that grows is read as far as it was long, one that is gone is none', async (t) => {
  const { root } = site(t)
  const { files } = searchTree([root], { ...usual, signal: new AbortController().signal }, () => false)
  const first = await files.next()
  appendFileSync(join(root, 'b'), 'y'.repeat(5000))
  execFileSync('rm', [join(root, 'b')])

  t.match(first.value, { path: join(root, 'a', 'c') })
  t.same(await files.next(), { value: undefined, done: true })
})

t.test('beyond a bound nothing is looked at, and it is said', async (t) => {
  const { root } = site(t)
  mkdirSync(join(root, 'd', 'e'), { recursive: true })
  writeFileSync(join(root, 'd', 'e', 'f'), 'deep')
  for (const [bounds, said] of [
    [{ depth: 2 }, /e is too deep/],
    [{ names: 2 }, /more than 2 names/],
    [{ bytes: 3 }, /more than 3 bytes/],
    [{ path: root.length + 2 }, /too long/],
    [{ signal: AbortSignal.abort() }, /time is over/],
  ] as const) {
    const { found, errors, isWhole } = await search([root], bounds)

    t.match(errors.join(), said)
    t.equal(isWhole, false, String(said))
    t.ok(found.length < 3, String(said))
  }
})

t.test('a folder that is not there leaves no gap, and is told', async (t) => {
  const { root } = site(t)

  t.same(await search([root, `${root}/none`, 'etc']), {
    found: ['/a/c one', '/b two'],
    errors: ['etc is no absolute path.', `${root}/none is not there.`],
    isWhole: true,
  })
})

t.test('what is left out is not entered, by no link either', async (t) => {
  const { root } = site(t)
  symlinkSync('a/c', join(root, 'to-c'))

  const { found } = await search([root], {}, (path) => path === join(root, 'a') || path.startsWith(join(root, 'a/')))

  t.same(found, ['/b two'])
})

t.test('a file with two names is found at both, and what a deployment has just staged at none', async (t) => {
  const { root } = site(t)
  linkSync(join(root, 'b'), join(root, 'z'))
  linkSync(join(root, 'b'), join(root, '.waxseal-1234.new'))

  t.same((await search([root])).found, ['/a/c one', '/b two', '/z two'])
})
