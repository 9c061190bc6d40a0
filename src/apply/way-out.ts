import { dirname } from 'node:path'

/** What a failed write comes to for the administrator: the system's code, and what to do about it. */
export function wayOut(error: NodeJS.ErrnoException, path: string): string {
  const way = wayOf(error.code, path)
  return way === null ? error.message : `${error.code}: ${way}`
}

function wayOf(code: string | undefined, path: string): string | null {
  const folder = dirname(path)
  switch (code) {
    case 'EROFS':
      return `${folder} is read-only for this process; where the disk is not, the unit is: systemctl edit waxseal-deploy, and below [Service] the line ReadWritePaths=${folder}`
    case 'EBUSY':
      return `${path} is mounted by itself, as containers do with a single file, and cannot be replaced: mount its folder in its place`
    case 'EPERM':
      return `lsattr -d ${folder} ${path} shows whether one of them is immutable or append-only, then chattr -i -a; in a sticky folder the file must be this user's`
    case 'EACCES':
      return `this process may not write in ${folder}`
    case 'ENOSPC':
      return `the disk of ${folder} is full: make room`
    case 'EDQUOT':
      return `the quota in ${folder} is used up: make room`
    default:
      return null
  }
}
