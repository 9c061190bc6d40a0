import { WaxsealError } from '../../error/waxseal-error.ts'
import { readGiven } from '../read-given.ts'

/** The JSON object in a file that a command was given; CONFIG_INVALID: there is none, with this `hint` where the file cannot be read. */
export async function readJson(file: string, hint: string): Promise<object> {
  const text = (await readGiven(file, { hint })).toString('utf8')
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null) return document
  } catch {
    throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is not JSON' })
  }
  throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is not a JSON object' })
}
