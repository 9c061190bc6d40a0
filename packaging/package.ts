import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from './bundle.ts'
import { debianPackage } from './debian-package.ts'
import { root } from './root.ts'
import { type Architecture, architectures, runtimeFor } from './runtime.ts'

/** SOURCE_DATE_EPOCH, or the time of the commit: not of the build. */
async function sourceEpoch(): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH']
  if (given !== undefined) return Number(given)
  const { stdout } = await promisify(execFile)('git', ['log', '-1', '--format=%ct'], { cwd: root })
  return Number(stdout)
}

/** `npm run package`, or `npm run package amd64` for one alone. */
async function main(wanted: readonly string[]): Promise<void> {
  const all = Object.keys(architectures) as readonly Architecture[]
  const dist = join(root, 'dist')
  const bundled = await bundle(root, dist)
  const epoch = await sourceEpoch()
  for (const architecture of all.filter((one) => wanted.length === 0 || wanted.includes(one))) {
    const treeDir = await mkdtemp(join(tmpdir(), 'waxseal-package-'))
    try {
      const runtime = await runtimeFor(root, architecture, join(root, 'node_modules/.cache/waxseal-runtime'))
      const file = await debianPackage({ root, dist, bundled, runtime, architecture, epoch, treeDir })
      process.stdout.write(`${relative(root, file)}\n`)
    } finally {
      await rm(treeDir, { recursive: true })
    }
  }
}

await main(process.argv.slice(2))
