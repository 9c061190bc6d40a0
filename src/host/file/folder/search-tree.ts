import { constants } from 'node:fs'
import { type FileHandle, open, opendir, readlink, realpath } from 'node:fs/promises'
import { isCode } from '../files.ts'

/** open(2); Node has no name for it. Neither a device nor a pipe notices it. */
const pathOnly = 0o10000000
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** How much of a tree is looked at. */
export interface TreeBounds {
  /** Names in all folders. */
  readonly names: number
  /** Folders below each other. */
  readonly depth: number
  /** Of a path, in characters. */
  readonly path: number
  /** Of one file; a larger one is not read. */
  readonly fileBytes: number
  /** Of all files. */
  readonly bytes: number
  /** Ends it. */
  readonly signal: AbortSignal
}

/** A regular file, as it was when it was read. Who gets it may overwrite its bytes. */
export interface TreeFile {
  readonly path: string
  readonly bytes: Buffer
}

/** A search of some folders. */
export interface TreeSearch {
  readonly files: AsyncGenerator<TreeFile>
  /** What was not looked at, a sentence each, without what is in a file; known when the files are through. */
  readonly errors: readonly string[]
  /** Nothing that can be looked at was left out. */
  readonly isWhole: () => boolean
}

/** A folder that is being searched: nobody can exchange it any more. */
interface Searched {
  readonly handle: FileHandle
  /** As people know it. */
  readonly path: string
  /** Without links. */
  readonly real: string
}

const mostErrors = 50

/**
 * The regular files below these folders, in the order of their names. Each name is opened in its opened folder; a link to a file counts
 * where that file is below one of these folders, and no other link is followed. Nothing but a regular file is ever opened for reading,
 * so that no pipe or device is waited for. `isLeftOut`: of the path of a folder, without links.
 */
export function searchTree(
  folders: readonly string[],
  bounds: TreeBounds,
  isLeftOut: (real: string) => boolean,
): TreeSearch {
  const search = new Search(bounds, isLeftOut)
  return { files: search.through(folders), errors: search.errors, isWhole: () => search.isWhole }
}

class Search {
  readonly errors: string[] = []
  isWhole = true
  readonly #bounds: TreeBounds
  readonly #isLeftOut: (real: string) => boolean
  #roots: readonly string[] = []
  #names = 0
  #bytes = 0

  constructor(bounds: TreeBounds, isLeftOut: (real: string) => boolean) {
    this.#bounds = bounds
    this.#isLeftOut = isLeftOut
  }

  async *through(folders: readonly string[]): AsyncGenerator<TreeFile> {
    const resolved = await Promise.all(folders.map(async (path) => ({ path, real: await this.#realOf(path) })))
    this.#roots = resolved.flatMap(({ real }) => real ?? [])
    for (const { path, real } of resolved) {
      if (real === null) continue
      const handle = await open(real, pathOnly | O_DIRECTORY | O_NOFOLLOW).catch((error: unknown) =>
        this.#failed(path, error),
      )
      if (handle !== null) yield* this.#inFolder({ handle, path: path.replace(/(?<=.)\/+$/, ''), real }, 1)
    }
  }

  async *#inFolder(folder: Searched, depth: number): AsyncGenerator<TreeFile> {
    const { handle, path, real } = folder
    let outside = 0
    try {
      if (this.#isLeftOut(real)) return
      for (const name of await this.#namesIn(folder)) {
        const below = `${path === '/' ? '' : path}/${name}`
        const found = await this.#open(folder, name, below)
        if (found === 'outside') outside += 1
        if (found === null || typeof found === 'string') continue
        if (found.isFolder) {
          const inner = { handle: found.handle, path: below, real: `${real === '/' ? '' : real}/${name}` }
          if (depth < this.#bounds.depth) yield* this.#inFolder(inner, depth + 1)
          else await found.handle.close().then(() => this.#leaveOut(`${below} is too deep below its folder.`))
          continue
        }
        const bytes = await this.#read(found.handle, below)
        if (bytes !== null) yield { path: below, bytes }
      }
      if (outside > 0)
        this.#tell(`${path}: links that lead out of the folders that are searched are not followed: ${outside}.`)
    } finally {
      await handle.close().catch(() => {})
    }
  }

  /** Null: it is not there any more, or is of no use. */
  async #open(
    { handle: folder }: Searched,
    name: string,
    path: string,
  ): Promise<{ readonly handle: FileHandle; readonly isFolder: boolean } | 'outside' | null> {
    if (path.length > this.#bounds.path) return this.#leaveOut('A path in it is too long.', path)
    if (!path.isWellFormed() || path.includes('\uFFFD')) return this.#leaveOut('A name in it is no UTF-8 text.', path)
    const at = `/proc/self/fd/${folder.fd}/${name}`
    let handle: FileHandle | null = null
    try {
      handle = await open(at, pathOnly | O_NOFOLLOW)
      let stats = await handle.stat()
      if (stats.isSymbolicLink()) {
        await handle.close()
        handle = null
        handle = await open(at, pathOnly)
        stats = await handle.stat()
        // Of what was opened, whatever the link leads to by now.
        const real = await readlink(`/proc/self/fd/${handle.fd}`)
        const isInside = this.#roots.some((root) => real === root || real.startsWith(root === '/' ? root : `${root}/`))
        if (!isInside || !stats.isFile() || this.#isLeftOut(real)) {
          await handle.close()
          return isInside || !(stats.isFile() || stats.isDirectory()) ? null : 'outside'
        }
      }
      if (stats.isDirectory()) return { handle, isFolder: true }
      if (stats.isFile() && stats.size > 0 && stats.size <= this.#bounds.fileBytes) return { handle, isFolder: false }
      await handle.close()
      return null
    } catch (error) {
      await handle?.close().catch(() => {})
      return this.#failed(path, error)
    }
  }

  async #namesIn({ handle, path }: Searched): Promise<readonly string[]> {
    const names: string[] = []
    try {
      for await (const { name } of await opendir(`/proc/self/fd/${handle.fd}/.`)) {
        if (this.#isOver()) break
        this.#names += 1
        // Ours, of a deployment that is under way.
        if (!name.startsWith('.waxseal-')) names.push(name)
      }
    } catch (error) {
      this.#failed(path, error)
    }
    return names.toSorted()
  }

  /** What may grow while it is read is read as far as it was long. */
  async #read(handle: FileHandle, path: string): Promise<Buffer | null> {
    try {
      if (this.#isOver()) return null
      const file = await open(`/proc/self/fd/${handle.fd}`, O_RDONLY | O_NONBLOCK)
      try {
        const bytes = Buffer.alloc(Math.min((await file.stat()).size, this.#bounds.fileBytes))
        let length = 0
        for (let got = 1; got > 0 && length < bytes.length; length += got)
          got = (await file.read(bytes, length, bytes.length - length)).bytesRead
        this.#bytes += length
        return bytes.subarray(0, length)
      } finally {
        await file.close()
      }
    } catch (error) {
      return this.#failed(path, error)
    } finally {
      await handle.close().catch(() => {})
    }
  }

  #isOver(): boolean {
    const { names, bytes, signal } = this.#bounds
    const over = signal.aborted
      ? 'The time is over'
      : this.#names >= names
        ? `There are more than ${names} names`
        : this.#bytes >= bytes
          ? `There are more than ${bytes} bytes`
          : null
    if (over !== null) this.#leaveOut(`${over}: the rest of the folders was not looked at.`)
    return over !== null
  }

  async #realOf(path: string): Promise<string | null> {
    if (!path.startsWith('/')) {
      this.#tell(`${path} is no absolute path.`)
      return null
    }
    return realpath(path).catch((error: unknown) => {
      if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) this.#tell(`${path} is not there.`)
      else this.#failed(path, error)
      return null
    })
  }

  /** What is gone meanwhile, or leads nowhere, is no failure. */
  #failed(path: string, error: unknown): null {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(code)
      ? null
      : this.#leaveOut(`${path} cannot be read: ${code}.`)
  }

  /** `path`: of the name that it is about, which itself is not told. */
  #leaveOut(sentence: string, path: string | null = null): null {
    this.isWhole = false
    this.#tell(path === null ? sentence : `${path.slice(0, path.lastIndexOf('/')).slice(0, 300)}: ${sentence}`)
    return null
  }

  #tell(sentence: string): void {
    if (this.errors.length < mostErrors && !this.errors.includes(sentence)) this.errors.push(sentence)
  }
}
