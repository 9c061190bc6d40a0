import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'

/** An account that nothing else on this machine is. */
export const user = 64_917

/** A program in Python, run as that account with these arguments; its standard input ends it. `remove` frees what it needed. */
export async function asUser(
  code: string,
  args: readonly string[],
): Promise<{ readonly child: ChildProcessWithoutNullStreams; remove(): Promise<void> }> {
  const dir = await makeTemporaryFolder('waxseal-user-')
  await chmod(dir, 0o755)
  const file = join(dir, 'code.py')
  await writeFile(file, code, { mode: 0o644 })
  const child = spawn('/usr/bin/python3', [file, ...args], { uid: user, gid: user, env: {} })
  child.stderr.on('data', (said: Buffer) => console.error(said.toString('utf8')))
  return { child, remove: () => removeTree(dir) }
}
