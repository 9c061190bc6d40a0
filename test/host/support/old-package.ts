import { execFile } from 'node:child_process'
import { access, copyFile, mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../../../packaging/root.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { formerCommit, requireFormer } from '../../support/former-version.ts'
import { run } from './run.ts'

const cache = '/var/cache/waxseal-test'

/** The package of version 0.1, built from the history of this repository, once per machine. */
export async function oldPackage(): Promise<Uint8Array> {
  const architecture = (await run(['dpkg', '--print-architecture'])).trim()
  const name = `waxseal_0.1.0_${architecture}.deb`
  const kept = join(cache, name)
  const isThere = await access(kept).then(
    () => true,
    () => false,
  )
  if (!isThere) await build(name, architecture, kept)
  return readFile(kept)
}

async function build(name: string, architecture: string, kept: string): Promise<void> {
  const dir = await makeTemporaryFolder('waxseal-old-')
  const tree = join(dir, 'tree')
  // How this machine reaches its registry (a proxy, a CA of its own) is theirs, too; tap's loader and what npm told of this tree are not.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|_?TAP|NODE_OPTIONS$)/.test(name)),
  )
  const inTree = { cwd: tree, env, maxBuffer: 64 * 1024 * 1024 }
  await requireFormer()
  await run(['git', '-c', 'safe.directory=*', 'clone', '--quiet', '--no-checkout', root, tree])
  await promisify(execFile)('git', ['checkout', '--quiet', formerCommit], inTree)
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], inTree)
  await promisify(execFile)('npm', ['run', 'package', '--', architecture], inTree)
  await mkdir(cache, { recursive: true })
  await copyFile(join(tree, 'dist', name), `${kept}.new`)
  await rename(`${kept}.new`, kept)
  await removeTree(dir)
}
