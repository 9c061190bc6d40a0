import { execFileSync } from 'node:child_process'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type PreparedChanges, prepareChanges } from '../../src/apply/prepare-changes.ts'
import type { PlannedFile } from '../../src/plan/plan.ts'

/** A planned file with these bytes, whose mode and owner are kept. */
export function plannedFile(path: string, text: string, changes: Partial<PlannedFile> = {}): PlannedFile {
  return { path, role: 'other', contents: Buffer.from(text), mode: 'keep', owner: 'keep', group: 'keep', ...changes }
}

/** The changes that write these texts into a folder. */
export function changesIn(folder: string, texts: Readonly<Record<string, string>>): Promise<PreparedChanges> {
  const paths = Object.entries(texts).map(([name, text]) => [join(folder, name), text] as const)
  return prepareChanges(
    paths.map(([path, text]) => ({ file: plannedFile(path, text), destination: path })),
    null,
  )
}

/** The changes that write these texts as a generation behind `folder/current`. */
export function generationIn(folder: string, texts: Readonly<Record<string, string>>): Promise<PreparedChanges> {
  const link = join(folder, 'current')
  const paths = Object.entries(texts).map(([name, text]) => [join(link, name), text] as const)
  return prepareChanges(
    paths.map(([path, text]) => ({ file: plannedFile(path, text), destination: path })),
    { link, now: Date.parse('2026-11-24T03:04:05Z') },
  )
}

/** All that is in a folder, by name: contents, what a link says, mode, owner. */
export async function stateOf(folder: string, prefix = ''): Promise<Readonly<Record<string, unknown>>> {
  const state: Record<string, unknown> = {}
  for (const name of (await readdir(folder)).toSorted()) {
    const path = join(folder, name)
    const stats = await lstat(path)
    const { mode, uid, gid } = stats
    if (stats.isSymbolicLink()) state[prefix + name] = await readlink(path)
    else if (stats.isFile()) state[prefix + name] = { text: await readFile(path, 'utf8'), mode, uid, gid }
    else Object.assign(state, { [prefix + name]: { mode, uid, gid } }, await stateOf(path, `${prefix}${name}/`))
  }
  return state
}

/** Gives a file an extended attribute; false: the file system, or the machine, has none. */
export function setAttribute(path: string, value: string): boolean {
  return python(`os.setxattr(${JSON.stringify(path)}, 'user.waxseal', ${JSON.stringify(value)}.encode())`) !== null
}

/** The extended attribute of `setAttribute`; null: none. */
export function attributeOf(path: string): string | null {
  return python(`print(os.getxattr(${JSON.stringify(path)}, 'user.waxseal').decode())`)
}

function python(statement: string): string | null {
  try {
    return execFileSync('python3', ['-c', `import os\n${statement}`], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return null
  }
}
