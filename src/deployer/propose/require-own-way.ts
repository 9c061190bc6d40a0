import { WaxsealError } from '../../error/waxseal-error.ts'
import { linksOnTheWay } from '../../host/file/links-on-the-way.ts'
import { openFolder } from '../../host/file/open-folder.ts'
import { foreignOnTheWayTo } from '../../host/file/ours.ts'
import type { Plan } from '../../plan/plan.ts'
import { keeperFor } from '../../policy/keeper-for.ts'
import type { Destinations } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'

/**
 * Refuses a link on the way to a destination that somebody else could lead elsewhere, and a table that somebody else could write: what is
 * compiled of it is root's, and no line of the policy allows that. PATH_NOT_ALLOWED.
 */
export async function requireOwnWay(
  { files }: Pick<Destinations, 'files'>,
  { tables = [], generation }: Pick<Plan, 'tables' | 'generation'>,
  { policy }: Pick<Engine, 'policy'>,
): Promise<void> {
  const paths = generation === null ? files.map(({ file }) => file.path) : [generation.directory]
  const links = new Set((await Promise.all(paths.map(linksOnTheWay))).flat())
  for (const link of links) {
    const folder = link.slice(0, link.lastIndexOf('/')) || '/'
    await (await openFolder(folder, await keeperFor(link, policy)))?.close()
  }
  for (const { source } of tables) {
    const foreign = await foreignOnTheWayTo(source)
    if (foreign === null) continue
    const { reason, fix } = foreign
    throw new WaxsealError('PATH_NOT_ALLOWED', { path: source, reason: `the table: ${reason}`, way: fix })
  }
}
