import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { runCommand } from './command.ts'

/** What a new file takes over from another one. */
export interface Model {
  /** A regular file. */
  readonly path: string
  /** `mode`: permission bits and access control list; `all`: owner, times, label and extended attributes, too. */
  readonly attributes: 'mode' | 'all'
}

/**
 * Gives an open file the attributes of another one. Node has no call for them, and cp(1) is on every host; it gets the files
 * themselves, whatever has become of their names meanwhile.
 */
export async function copyAttributes({ path, attributes }: Model, file: FileHandle): Promise<void> {
  const model = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const options = ['--attributes-only', `--preserve=${attributes}`, '--dereference', '--no-target-directory']
    const command = ['cp', ...options, nameOf(model), nameOf(file)] as const
    const { exitCode, output } = await runCommand(command, { timeoutMs: 10_000 })
    if (exitCode !== 0) throw new Error(`the attributes of ${path} cannot be copied: ${output}`)
  } finally {
    await model.close()
  }
}

/** An open file of this process has this name for another one of the same user. */
function nameOf({ fd }: FileHandle): string {
  return `/proc/${process.pid}/fd/${fd}`
}
