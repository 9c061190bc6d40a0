import { readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode } from '../files.ts'

/** Why a name cannot be renamed over; `EBUSY`: it is a mount point. Null: nothing is known against it. */
export type Obstacle = NodeJS.ErrnoException | null

/**
 * Whether the file, or the link, of this name could be renamed over: asked by rmdir(2), which never removes a file, and says
 * ENOTDIR only after all that forbids a rename as well: immutable and append-only files and folders, sticky folders, a
 * read-only mount, missing rights. A mount point it does not tell; proc_pid_mountinfo(5) does, which knows
 * its path.
 */
export async function obstacleAt(name: string, path: string): Promise<Obstacle> {
  const error = await rmdir(name).then(
    () => null,
    (failure: NodeJS.ErrnoException) => failure,
  )
  if (error === null || isCode(error, 'ENOENT')) return null
  if (!isCode(error, 'ENOTDIR')) return error
  if (!(await mountPoints()).includes(path)) return null
  return Object.assign(new Error('it is a mount point'), { code: 'EBUSY', path })
}

const mostNames = 20

/**
 * Whether a new name in this folder could be given, and taken away: what forbids it to all files that are there.
 * Of an empty folder nothing is known. No file is made to find out: a crash would leave it.
 */
export async function obstacleIn(folder: string, path: string): Promise<Obstacle> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const files = names.filter((name) => name.isFile()).slice(0, mostNames)
  let obstacle: Obstacle = null
  for (const { name } of files) {
    obstacle = await obstacleAt(`${folder}/${name}`, join(path, name))
    if (obstacle === null || obstacle.code === 'EBUSY') return null
  }
  return obstacle
}

/** The fifth column, in which white space and backslashes are octal. */
async function mountPoints(): Promise<readonly string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  return table.split('\n').map((line) => {
    const [, , , , path = ''] = line.split(' ')
    return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)))
  })
}
