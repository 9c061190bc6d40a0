import { chmod, mkdir, stat } from 'node:fs/promises'

/** Makes a folder that only its owner can enter (0700), with its parents. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
}

/** Makes a folder with its parents, and leaves one that is there as it is. */
export async function ensureFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 })
}

/** Whether there is a folder of this name that may be reached. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
