import type { Stats } from 'node:fs'
import type { Keeper } from '../../../plan/keeper.ts'

/** What is asked of a folder. */
export type FolderFacts = Pick<Stats, 'mode' | 'uid' | 'gid'>

const sticky = 0o1000

/**
 * Who else could put another file, link or folder into this one, as the rest of a sentence; null: nobody. `isLast`: the files are in this
 * very folder. In one on the way to it the sticky bit keeps others from what is ours (`/tmp`), and the next one is asked as well.
 */
export function whoElseWrites(folder: FolderFacts, keeper: Keeper | null, isLast: boolean): string | null {
  const self = process.geteuid?.() ?? 0
  if (![0, self, keeper?.uid].includes(folder.uid)) return `belongs to user ${folder.uid}`
  if (!isLast && (folder.mode & sticky) !== 0) return null
  if ((folder.mode & 0o002) !== 0) return 'may be written by everybody'
  if ((folder.mode & 0o020) === 0 || isOwnGroup(folder.gid, self) || folder.gid === keeper?.gid) return null
  return `may be written by group ${folder.gid}`
}

/** Whether a group may write in it, so that an access control list could let others do so: its mask is the mode of the group (acl(5)). */
export function isShared({ mode }: FolderFacts, isLast: boolean): boolean {
  return (mode & 0o020) !== 0 && (isLast || (mode & sticky) === 0)
}

/** Root's group is root; the group of another user that runs this is, on Debian, that user's alone. */
function isOwnGroup(gid: number, self: number): boolean {
  return gid === 0 || (self !== 0 && gid === process.getegid?.())
}
