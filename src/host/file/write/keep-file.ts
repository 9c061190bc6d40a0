import { link } from 'node:fs/promises'
import { isCode, readSnapshot } from '../files.ts'
import { writeNewFile } from './write-new-file.ts'

const linkRefused = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'ENOSYS']

/** Gives the file at `path` the second name `kept`: a hard link, or a copy with all its attributes where the file system refuses links. */
export async function keepFile(path: string, kept: string): Promise<void> {
  try {
    await link(path, kept)
  } catch (error) {
    if (!linkRefused.some((code) => isCode(error, code))) throw error
    const snapshot = await readSnapshot(path)
    if (snapshot === null) throw error
    await writeNewFile(kept, snapshot, { path, attributes: 'all' })
  }
}
