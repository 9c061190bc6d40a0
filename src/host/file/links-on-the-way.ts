import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isCode } from './files.ts'

/** As many as Linux follows (path_resolution(7)). */
const mostLinks = 40

/**
 * The links by which an absolute path leads to where it does, each with the links in its own folder resolved: whoever can exchange one of
 * them says where the path leads. Ends where nothing is. Throws where they are too many.
 */
export async function linksOnTheWay(path: string): Promise<readonly string[]> {
  const found: string[] = []
  const left = namesOf(path)
  let at = '/'
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    const next = name === '..' ? dirname(at) : join(at, name)
    const isLink = await lstat(next).then(
      (stats) => stats.isSymbolicLink(),
      (error: unknown) => {
        if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return null
        throw error
      },
    )
    if (isLink === null) return found
    if (!isLink) {
      at = next
      continue
    }
    found.push(next)
    if (found.length > mostLinks) throw new Error(`${path} leads through too many links`)
    const text = await readlink(next)
    left.unshift(...namesOf(text))
    if (text.startsWith('/')) at = '/'
  }
  return found
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
