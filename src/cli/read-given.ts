import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'
import { readBounded } from '../host/file/read-bounded.ts'

/** Why a file that was named is not read, where there is none. */
export const noSuchFile = 'there is no such file'

/** A file that a command was given, 1 MiB at most; CONFIG_INVALID where it cannot be read: `about` before the reason, `hint` behind it. */
export async function readGiven(
  file: string,
  about: { readonly path: string } | { readonly hint: string },
): Promise<Buffer> {
  const refused = (reason: string, cause?: Error): WaxsealError => {
    const details = 'path' in about ? { ...about, file, reason } : { file, reason, ...about }
    return new WaxsealError('CONFIG_INVALID', details, { cause })
  }
  const bytes = await readBounded(file, 1024 * 1024).catch((error: Error) => {
    throw refused(isCode(error, 'EISDIR') ? 'it is a folder: name the file in it' : error.message, error)
  })
  if (bytes === null) throw refused(noSuchFile)
  return Buffer.from(bytes)
}
