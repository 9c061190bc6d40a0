import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { runCommand } from '../../process/command.ts'
import type { Snapshot } from '../files.ts'

const timeoutMs = 10_000

/** What a new file takes over from another one. */
export interface Model {
  readonly path: string
  /** `mode`: permission bits and access control list; `all`: label and extended attributes, too. */
  readonly attributes: 'mode' | 'all'
}

/**
 * Gives an open file the attributes of another one, a regular file, which must have this mode and owner, as the open one has
 * afterwards: else it throws. Node has no call for them, and cp(1) of the GNU coreutils is on every Debian; it gets the files
 * themselves, whatever has become of their names meanwhile.
 */
export async function copyAttributes(
  { path, attributes }: Model,
  file: FileHandle,
  access: Omit<Snapshot, 'bytes'>,
): Promise<void> {
  const model = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!(await isSo(model, access))) throw new Error(`somebody else changed ${path} meanwhile`)
    await dropAccessList(file)
    await copy(nameOf(model), file, attributes).catch((error: Error) => {
      throw new Error(`the attributes of ${path} cannot be copied: ${error.message}`)
    })
    if (!(await isSo(file, access))) throw new Error(`the attributes of ${path} were changed while they were copied`)
  } finally {
    await model.close()
  }
}

/**
 * Takes from a new, empty file the list that its folder gave it, which must not be left; nobody may read it before who may not
 * afterwards. setfacl(1) is mostly there where somebody has set a list; without it cp(1) does it, up to Debian 12: of the
 * coreutils 9.7 it copies a list and takes none off.
 */
export async function dropAccessList(file: FileHandle): Promise<void> {
  if (!(await hasAccessList(file))) return
  await runCommand(['setfacl', '--remove-all', nameOf(file)], { timeoutMs })
  if (!(await hasAccessList(file))) return
  // A file that has no list, and is open to nobody else at any moment: proc(5).
  await copy('/proc/self/environ', file, 'mode')
  if (await hasAccessList(file))
    throw new Error('its folder gives it an access control list that cannot be taken off here: install the package acl')
}

/** Whether an open file or folder has an access control list: by the sign that ls(1) puts behind the permissions. */
export async function hasAccessList(file: FileHandle): Promise<boolean> {
  const { exitCode, output } = await runCommand(['ls', '-dlL', nameOf(file)], { timeoutMs })
  if (exitCode !== 0) throw new Error(output)
  return /^\S{10}\+/.test(output)
}

async function copy(from: string, file: FileHandle, attributes: Model['attributes']): Promise<void> {
  const options = ['--attributes-only', `--preserve=${attributes}`, '--dereference', '--no-target-directory']
  const { exitCode, output } = await runCommand(['cp', ...options, from, nameOf(file)], { timeoutMs })
  if (exitCode !== 0) throw new Error(output)
}

async function isSo(file: FileHandle, { mode, uid, gid }: Omit<Snapshot, 'bytes'>): Promise<boolean> {
  const stats = await file.stat()
  return stats.isFile() && (stats.mode & 0o7777) === mode && stats.uid === uid && stats.gid === gid
}

/** An open file of this process has this name for another one of the same user. */
function nameOf({ fd }: FileHandle): string {
  return `/proc/${process.pid}/fd/${fd}`
}
