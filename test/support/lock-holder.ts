import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'

const script = `
import { DatabaseSync } from 'node:sqlite'
const database = new DatabaseSync(process.argv[1])
database.exec('BEGIN EXCLUSIVE')
process.stdout.write('held')
process.stdin.resume()
`

/** Another process that holds a lock. */
export interface LockHolder {
  readonly pid: number
  /** Ends it, gently or with SIGKILL; resolves when it is gone. */
  end(signal?: 'SIGKILL'): Promise<void>
}

/** Starts a process that holds the lock at this path until it is ended, at the latest with its test. */
export async function holdLock(t: Test, path: string): Promise<LockHolder> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  const end = async (signal?: 'SIGKILL'): Promise<void> => {
    if (signal === undefined) child.stdin.end()
    else child.kill(signal)
    await closed
  }
  t.teardown(() => end('SIGKILL'))
  return { pid: child.pid ?? 0, end }
}
