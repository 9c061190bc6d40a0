import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from './bundle.ts'
import { debianPackage } from './debian-package.ts'
import { type Architecture, runtimeFor } from './runtime.ts'

/** Bundles the checkout below `root` into `dist` and builds a package there for each architecture. Returns their paths. */
export async function buildPackages(
  root: string,
  dist: string,
  architectures: readonly Architecture[],
): Promise<readonly string[]> {
  const bundled = await bundle(root, dist)
  const epoch = await sourceEpoch(root)
  const files: string[] = []
  for (const architecture of architectures) {
    const treeDir = await mkdtemp(join(tmpdir(), 'waxseal-package-'))
    try {
      const runtime = await runtimeFor(root, architecture, join(root, 'node_modules/.cache/waxseal-runtime'))
      files.push(await debianPackage({ root, dist, bundled, runtime, architecture, epoch, treeDir }))
    } finally {
      await rm(treeDir, { recursive: true })
    }
  }
  return files
}

/** SOURCE_DATE_EPOCH, or the time of the commit: not of the build. */
async function sourceEpoch(root: string): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH']
  if (given !== undefined) return Number(given)
  const { stdout } = await promisify(execFile)('git', ['log', '-1', '--format=%ct'], { cwd: root })
  return Number(stdout)
}
