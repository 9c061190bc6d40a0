import { constants } from 'node:fs'
import { link, open } from 'node:fs/promises'
import { runCommand } from './command.ts'
import { isCode, readSnapshot, writeNewFile } from './files.ts'

const linkRefused = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'ENOSYS']

/** Gives the file at `path` the second name `kept`: a hard link, or a copy where the file system refuses links. */
export async function keepFile(path: string, kept: string): Promise<void> {
  try {
    await link(path, kept)
  } catch (error) {
    if (!linkRefused.some((code) => isCode(error, code))) throw error
    const snapshot = await readSnapshot(path)
    if (snapshot === null) throw error
    await writeNewFile(kept, snapshot)
    await copyAttributes(path, kept)
  }
}

/** Extended attributes, among them ACLs and labels: Node has no call for them, and cp(1) is on every host. */
async function copyAttributes(from: string, to: string): Promise<void> {
  const options = ['--attributes-only', '--preserve=all', '--no-dereference', '--no-target-directory']
  const { exitCode, output } = await runCommand(['cp', ...options, from, to], { timeoutMs: 10_000 })
  if (exitCode !== 0) throw new Error(`the attributes of ${from} cannot be copied: ${output}`)
  const file = await open(to, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
