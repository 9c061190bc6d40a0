import { open } from 'node:fs/promises'
import { moveFile, syncFoldersOf } from '../files.ts'

/** Gives a file that a library has written its name and mode; it is there for good on return, and whole at every moment. */
export async function adoptFile(written: string, path: string, mode = 0o600): Promise<void> {
  const file = await open(written, 'r+')
  try {
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  await moveFile(written, path)
  await syncFoldersOf([path])
}
