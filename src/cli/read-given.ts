import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'
import { readBounded } from '../host/file/read-bounded.ts'

/** Why a file that was named is not read, where there is none. */
export const noSuchFile = 'there is no such file'

/** A file that a command was given, 1 MiB at most; CONFIG_INVALID with `details` where it cannot be read. */
export async function readGiven(file: string, details: Readonly<Record<string, string>>): Promise<Buffer> {
  const bytes = await readBounded(file, 1024 * 1024).catch((error: Error) => {
    const reason = isCode(error, 'EISDIR') ? 'it is a folder: name the file in it' : error.message
    throw new WaxsealError('CONFIG_INVALID', { ...details, file, reason }, { cause: error })
  })
  if (bytes === null) throw new WaxsealError('CONFIG_INVALID', { ...details, file, reason: noSuchFile })
  return Buffer.from(bytes)
}
