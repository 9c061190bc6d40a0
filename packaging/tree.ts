import { chmod, cp, lutimes, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The files of a package below one folder, as they will be on the host. */
export interface Tree {
  readonly dir: string
  write(path: string, contents: string | Uint8Array, mode?: number): Promise<void>
  copy(from: string, path: string, mode?: number): Promise<void>
  link(target: string, path: string): Promise<void>
  /** Gives every file and folder this time, in seconds since 1970, and folders the mode 0755. */
  settle(epoch: number): Promise<void>
}

/** An empty tree below `dir`. */
export function openTree(dir: string): Tree {
  const placeFor = async (path: string): Promise<string> => {
    const file = join(dir, path)
    await mkdir(dirname(file), { recursive: true })
    return file
  }
  return {
    dir,
    write: async (path, contents, mode = 0o644) => {
      const file = await placeFor(path)
      await writeFile(file, contents)
      await chmod(file, mode)
    },
    copy: async (from, path, mode = 0o644) => {
      const file = await placeFor(path)
      await cp(from, file)
      await chmod(file, mode)
    },
    link: async (target, path) => symlink(target, await placeFor(path)),
    settle: async (epoch) => {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true })
      for (const entry of entries.toReversed()) {
        const path = join(entry.parentPath, entry.name)
        if (entry.isDirectory()) await chmod(path, 0o755)
        await lutimes(path, epoch, epoch)
      }
      await chmod(dir, 0o755)
      await lutimes(dir, epoch, epoch)
    },
  }
}
