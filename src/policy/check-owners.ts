import { WaxsealError } from '../error/waxseal-error.ts'
import { resolveGroup, resolveUser } from '../host/users.ts'

/** Whose a file is, by number. */
interface Owned {
  readonly uid: number
  readonly gid: number
}

/** A file that is about to be given to somebody. */
export interface GivenFile {
  readonly path: string
  readonly live: Owned | null
  readonly after: Owned
}

/**
 * A file that a job writes is root's, the live file's owner's, or that of one of these accounts and groups: those that policy, the
 * host's own target file and the connector's facts name. OWNER_NOT_ALLOWED names the file. By number, for one account has many names.
 */
export async function checkOwners(files: readonly GivenFile[], names: readonly string[]): Promise<void> {
  const own = process.getuid?.() ?? 0
  const ownGroup = process.getgid?.() ?? 0
  // Each name is a process of its own to ask, so only a file that is nobody's of these asks them.
  for (const { path, live, after } of files) {
    if (![0, own, live?.uid].includes(after.uid) && !(await isAmong(after.uid, names, userId)))
      throw refused(path, 'owner', after.uid)
    if (![0, ownGroup, live?.gid].includes(after.gid) && !(await isAmong(after.gid, names, resolveGroup)))
      throw refused(path, 'group', after.gid)
  }
}

async function isAmong(
  id: number,
  names: readonly string[],
  resolve: (name: string) => Promise<number | null>,
): Promise<boolean> {
  return (await Promise.all([...new Set(names)].map(resolve))).includes(id)
}

async function userId(name: string): Promise<number | null> {
  return (await resolveUser(name))?.uid ?? null
}

function refused(path: string, what: 'owner' | 'group', id: number): WaxsealError {
  return new WaxsealError('OWNER_NOT_ALLOWED', { path, [what]: id, setting: 'policy.owners' })
}
