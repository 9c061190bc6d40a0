import { readFile, stat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { isCode } from './files.ts'

/** A lock that one process on this machine holds. The kernel releases it when the process ends, however it ends. */
export interface FileLock {
  release(): void
}

/**
 * Takes the lock that the file stands for; null: another process has it. It is the lock of an SQLite database, because
 * Node has no flock(2) of its own.
 */
export function tryLock(path: string): FileLock | null {
  const database = new DatabaseSync(path)
  try {
    // SQLite begins the journal of an empty database at once: on a full disk there would be no lock, no start, no recovery.
    database.exec('PRAGMA journal_mode=MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
}

/** SQLITE_BUSY. */
function isBusy(error: unknown): boolean {
  return isCode(error, 'ERR_SQLITE_ERROR') && (error as { readonly errcode?: number }).errcode === 5
}

/** The process that holds the lock, from proc_locks(5); null: it cannot be told. */
export async function lockHolder(path: string): Promise<number | null> {
  const [{ ino }, locks] = await Promise.all([stat(path), readFile('/proc/locks', 'utf8').catch(() => '')])
  const line = locks.split('\n').find((row) => row.includes('WRITE') && row.includes(`:${ino} `))
  const pid = Number(line?.trim().split(/\s+/)[4])
  return pid > 0 ? pid : null
}
