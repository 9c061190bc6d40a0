import { WaxsealError } from '../../error/waxseal-error.ts'

/** The files that a person named, by what should be in them. */
export interface NamedFiles {
  readonly certificate: string
  readonly chain?: string
  readonly 'private key': string
}

/** The work; where it cannot use what one of these files holds, the error names the file, and its hint can be pasted. */
export async function nameFile<T>(files: NamedFiles | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw files !== undefined && error instanceof WaxsealError ? named(files, error) : error
  }
}

function named(files: NamedFiles, error: WaxsealError): WaxsealError {
  const file = Object.entries(files).find(([what]) => what === error.details['what'])?.[1]
  if (file === undefined) return error
  return new WaxsealError(error.code, { ...error.details, file, hint: hintFor(error, file) }, { cause: error })
}

/** What to do about this file, so that it can be pasted into a shell; empty: nothing is known. */
export function hintFor({ details }: WaxsealError, file: string): string {
  return String(details['hint'] ?? '').replaceAll(/\bFILE\b/g, () => quoted(file))
}

function quoted(file: string): string {
  return /^[\w./@+,=:-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`
}
