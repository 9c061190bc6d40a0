import { WaxsealError } from '../error/waxseal-error.ts'
import { obstacleAt, obstacleBeside } from '../host/file/replaceable.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import { wayOut } from './way-out.ts'

/**
 * Refuses, with the way out, what could be written beside its destination and not be moved there: then a deployment would
 * fail halfway, and so would its rollback. Touches no live file. STAGE_FAILED names the first.
 */
export async function requireReplaceable({ files, link }: ChangeSet): Promise<void> {
  const names = link === null ? files.map(({ destination, before }) => ({ path: destination, before })) : [asName(link)]
  for (const { path, before } of names) {
    const obstacle = before === null ? await obstacleBeside(path) : await obstacleAt(path)
    if (obstacle !== null) throw new WaxsealError('STAGE_FAILED', { path, reason: wayOut(obstacle, path) })
  }
}

function asName({ link, before }: NonNullable<ChangeSet['link']>): { readonly path: string; readonly before: unknown } {
  return { path: link, before }
}
