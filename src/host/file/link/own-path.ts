import { lstat, realpath } from 'node:fs/promises'
import { foreignOnTheWayTo } from '../ours.ts'

/**
 * The path of a file with its links resolved, where nobody but root, or the agent's own user, may write it, or put another in
 * the place of it, of a link to it or of a folder above it. Throws the reason.
 */
export async function ownPath(path: string): Promise<string> {
  const foreign = await foreignOnTheWayTo(path)
  if (foreign !== null) throw new Error(`${foreign.reason}: ${foreign.fix}`)
  const real = await realpath(path)
  if (!(await lstat(real)).isFile()) throw new Error('it is not a regular file')
  return real
}

/** The same of a folder, or of anything else that has a name. */
export async function ownPlace(path: string): Promise<string> {
  const real = await realpath(path)
  const foreign = await foreignOnTheWayTo(path)
  if (foreign !== null) throw new Error(`${foreign.reason}: ${foreign.fix}`)
  return real
}
