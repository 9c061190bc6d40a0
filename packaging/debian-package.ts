import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { commands } from '../src/cli/commands.ts'
import { waxsealProgram } from '../src/cli/program.ts'
import { bashCompletion } from './bash-completion.ts'
import { controlFile, maintainer } from './control-file.ts'
import { manPages } from './man-pages.ts'
import type { Architecture, Runtime } from './runtime.ts'
import { sbom } from './sbom.ts'
import { installedDocs } from './shipped-docs.ts'
import { readManifest } from './third-party-licences.ts'
import { openTree, type Tree } from './tree.ts'

/** What a package is made from. */
export interface PackageParts {
  /** The checkout. */
  readonly root: string
  /** Holds the bundle. */
  readonly dist: string
  /** The folders of the packages in the bundle. */
  readonly bundled: readonly string[]
  readonly runtime: Runtime
  readonly architecture: Architecture
  /** The time of everything in it, in seconds since 1970. */
  readonly epoch: number
  /** An empty folder for the files of the package. */
  readonly treeDir: string
}

const lib = 'usr/lib/waxseal'
const doc = 'usr/share/doc/waxseal'
/** Commented configurations of both programs, beside the place of those that are in use. */
const examples = ['control-plane.example.yaml', 'waxseal.example.yaml'] as const
const shebang = '#!/usr/lib/waxseal/node'

/** Builds `waxseal_VERSION_ARCHITECTURE.deb` in `dist`; equal parts make equal bytes. Returns its path. */
export async function debianPackage(parts: PackageParts): Promise<string> {
  const { root, dist, architecture, epoch, treeDir } = parts
  const { version } = await readManifest(root)
  const tree = openTree(treeDir)
  await addProgram(tree, parts)
  await addService(tree, root)
  await addDocumentation(tree, parts, version)
  await addControl(tree, root, controlFile(version, architecture, await sizeOf(tree.dir)))
  await tree.settle(epoch)
  const file = join(dist, `waxseal_${version}_${architecture}.deb`)
  // The number of threads is fixed because the compressed bytes depend on whether there is more than one.
  const options = ['--root-owner-group', '-Zxz', '-z1', '--threads-max=2', '--build']
  await promisify(execFile)('dpkg-deb', [...options, tree.dir, file], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SOURCE_DATE_EPOCH: String(epoch) },
  })
  return file
}

/** `/usr/bin/waxseal` is what starts the bundle: its first line names the runtime beside it, so that no shell starts it. */
async function addProgram(tree: Tree, { dist, runtime }: PackageParts): Promise<void> {
  const text = await readFile(join(dist, 'start.cjs'), 'utf8')
  await tree.write(`${lib}/start.cjs`, text.replace(/^#!.*/, shebang), 0o755)
  const programs = ['waxseal', 'courier', 'deployer'].flatMap((name) => [`${name}.cjs`, `${name}.cjs.map`])
  for (const file of [...programs, 'cache-code.cjs']) await tree.copy(join(dist, file), `${lib}/${file}`)
  await tree.copy(join(runtime.folder, 'bin/node'), `${lib}/node`, 0o755)
  await tree.link('../lib/waxseal/start.cjs', 'usr/bin/waxseal')
}

async function addService(tree: Tree, root: string): Promise<void> {
  for (const unit of await readdir(join(root, 'systemd')))
    await tree.copy(join(root, 'systemd', unit), `usr/lib/systemd/system/${unit}`)
  await tree.copy(join(root, 'packaging/debian/sysusers.conf'), 'usr/lib/sysusers.d/waxseal.conf')
  await tree.copy(join(root, 'packaging/debian/tmpfiles.conf'), 'usr/lib/tmpfiles.d/waxseal.conf')
  for (const file of examples) await tree.copy(join(root, 'config', file), join('etc/waxseal', file))
}

async function addDocumentation(tree: Tree, parts: PackageParts, version: string): Promise<void> {
  const { root, dist, runtime, epoch } = parts
  const day = new Date(epoch * 1000)
  const program = await waxsealProgram(commands)
  for (const { file, text } of manPages(program, day.toISOString().slice(0, 10)))
    await tree.write(`usr/share/man/man1/${file}.gz`, packed(text))
  await tree.write('usr/share/bash-completion/completions/waxseal', bashCompletion(program))
  const pages = await readdir(join(root, 'docs'), { recursive: true })
  for (const file of pages.filter((name) => /\.(md|yaml|json|svg)$/.test(name)))
    await tree.copy(join(root, 'docs', file), join(installedDocs, file))
  for (const file of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'])
    await tree.copy(join(root, file), `${doc}/${file}`)
  for (const file of examples) await tree.link(`/etc/waxseal/${file}`, `${doc}/config/${file}`)
  const date = day.toUTCString().replace('GMT', '+0000')
  const entry = `waxseal (${version}) stable; urgency=medium\n\n  * CHANGELOG.md has what changed.\n\n -- ${maintainer}  ${date}\n`
  await tree.write(`${doc}/changelog.gz`, packed(entry))
  await tree.write(`${doc}/copyright`, await copyright(root, dist, runtime))
  await tree.write(`${doc}/sbom.cdx.json`, await sbom(root, parts.bundled, runtime))
  await tree.copy(join(root, 'packaging/debian/lintian-overrides'), 'usr/share/lintian/overrides/waxseal')
}

async function copyright(root: string, dist: string, runtime: Runtime): Promise<string> {
  const texts = await Promise.all(
    [join(root, 'LICENSE'), join(dist, 'THIRD-PARTY-LICENCES.txt'), join(runtime.folder, 'LICENSE')].map((file) =>
      readFile(file, 'utf8'),
    ),
  )
  const [own = '', others = '', node = ''] = texts
  return [
    'Copyright: the Waxseal authors. Licence: Apache-2.0, /usr/share/common-licenses/Apache-2.0:',
    own,
    others,
    `The runtime, ${runtime.name} ${runtime.version}:`,
    node,
  ].join('\n\n')
}

async function addControl(tree: Tree, root: string, control: string): Promise<void> {
  await tree.write('DEBIAN/control', control)
  await tree.write('DEBIAN/conffiles', examples.map((file) => `/etc/waxseal/${file}\n`).join(''))
  for (const script of ['postinst', 'prerm', 'postrm'])
    await tree.copy(join(root, 'packaging/debian', script), `DEBIAN/${script}`, 0o755)
}

/** In KiB, each file rounded up, as dpkg-gencontrol(1) counts. */
async function sizeOf(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries.map(async (entry) =>
      entry.isFile() ? Math.ceil((await stat(join(entry.parentPath, entry.name))).size / 1024) : 1,
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** gzip without name and time in its header. */
function packed(text: string): Uint8Array {
  return gzipSync(text, { level: 9 })
}
