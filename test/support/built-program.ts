import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../../packaging/root.ts'

const builds = join(root, 'node_modules/.cache/waxseal-built')
const dayMs = 24 * 3_600_000
const programs = ['waxseal', 'courier', 'deployer']

/**
 * What starts `waxseal` as the package has it: bundled, its code compiled. From its sources each process would read six hundred modules,
 * for a second of the processor. It is built before the suites, or when a test first asks for it, and anew where what it is made of has changed.
 */
export const builtProgram = join(await builtFolder(), 'start.cjs')

async function builtFolder(): Promise<string> {
  const folder = join(builds, digestOfSources())
  if (await stat(folder).catch(() => undefined)) return folder
  await mkdir(builds, { recursive: true })
  // Several files of tests may find it missing at once: each builds, and the first one stays.
  const own = await mkdtemp(join(builds, 'new-'))
  // It loads all of the sources, which no test does that finds a build.
  const { bundle } = await import('../../packaging/bundle.ts')
  await bundle(root, own)
  const compile = promisify(execFile)
  for (const program of programs) await compile(process.execPath, [join(own, 'cache-code.cjs'), program], { env: {} })
  await rename(own, folder).catch(() => rm(own, { recursive: true }))
  await removeOld()
  return folder
}

/** A build is forty megabytes. Whoever runs tests meanwhile still starts the one of before. */
async function removeOld(): Promise<void> {
  for (const name of await readdir(builds)) {
    const build = join(builds, name)
    const { mtimeMs } = await stat(build).catch(() => ({ mtimeMs: Infinity }))
    if (Date.now() - mtimeMs > dayMs) await rm(build, { recursive: true, force: true })
  }
}

/** Of their names, sizes and times: to read them all would be what the build saves. */
function digestOfSources(): string {
  const patterns = ['src/**/*.ts', 'packaging/**/*.ts', 'docs/errors.md', 'package.json', 'package-lock.json']
  const digest = createHash('sha256').update(process.version)
  for (const path of globSync(patterns, { cwd: root }).toSorted()) {
    const { size, mtimeMs } = statSync(join(root, path))
    digest.update(`${path} ${size} ${mtimeMs}\n`)
  }
  return digest.digest('hex').slice(0, 16)
}
