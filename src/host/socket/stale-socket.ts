import { once } from 'node:events'
import { lstat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { isCode, removeFile } from '../file/files.ts'

/** Removes the Unix socket that a killed process left at `path`; one that somebody answers at stays. */
export async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null)
  if (stats?.isSocket() !== true) return
  const connection = createConnection(path)
  try {
    await once(connection, 'connect')
  } catch (error) {
    if (isCode(error, 'ECONNREFUSED')) await removeFile(path)
  } finally {
    connection.destroy()
  }
}
