import { WaxsealError } from '../error/waxseal-error.ts'
import { inOpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import { keepersOf } from '../plan/keepers-of.ts'
import { wayOut } from './way-out.ts'

/**
 * Refuses, with the way out, what could be written beside its destination and not be moved there: then a deployment would
 * fail halfway, and so would its rollback. Touches no live file. STAGE_FAILED names the first.
 */
export async function requireReplaceable(changes: ChangeSet): Promise<void> {
  const { files, link } = changes
  const names = link === null ? files.map(({ destination, before }) => ({ path: destination, before })) : [asName(link)]
  await inOpenFolders(keepersOf([changes]), async (folders) => {
    for (const { path, before } of names) {
      const obstacle = await folders.obstacle(path, before !== null)
      if (obstacle !== null) throw new WaxsealError('STAGE_FAILED', { path, reason: wayOut(obstacle, path) })
    }
  })
}

function asName({ link, before }: NonNullable<ChangeSet['link']>): { readonly path: string; readonly before: unknown } {
  return { path: link, before }
}
