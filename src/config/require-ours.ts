import { resolve } from 'node:path'
import { foreignOnTheWayTo } from '../host/file/ours.ts'
import { configInvalid } from './parse-yaml.ts'

/** CONFIG_INVALID, with the command that mends it, where another user than root or our own could change this file. `path`: its setting. */
export async function requireOurs(file: string, path = ''): Promise<void> {
  const foreign = await foreignOnTheWayTo(resolve(file))
  if (foreign !== null)
    throw configInvalid(file, path, foreign.reason, `Look at what is in it, then run: ${foreign.fix}`)
}
