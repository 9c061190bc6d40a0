import { stat } from 'node:fs/promises'
import { unlessMissing } from '../file/files.ts'

/**
 * From here on root is the account that has this folder, for good: in a folder of another user, links of that user would lead root
 * elsewhere. Where there is no folder, or root has it, or this is not root, nothing changes.
 */
export async function becomeOwnerOf(folder: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const owner = await stat(folder).catch(unlessMissing)
  if (owner === null || owner.uid === 0) return
  process.setgroups?.([])
  process.setgid?.(owner.gid)
  process.setuid?.(owner.uid)
}
