import { dirname, join } from 'node:path'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { openFolder } from '../../host/file/folder/open-folder.ts'
import { linksOnTheWay } from '../../host/file/link/links-on-the-way.ts'
import { foreignOnTheWayTo } from '../../host/file/ours.ts'
import { resolveOwnFolder } from '../../host/policy-host.ts'
import type { Plan } from '../../plan/plan.ts'
import { keeperFor } from '../../policy/keeper-for.ts'
import type { Destinations } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'

/**
 * Refuses a link on the way to a destination that somebody else could lead elsewhere, one of whom the policy names for a folder that leads
 * out of that folder, and a table that somebody else could write: what is
 * compiled of it is root's, and no line of the policy allows that. PATH_NOT_ALLOWED.
 */
export async function requireOwnWay(
  { files, link }: Pick<Destinations, 'files' | 'link'>,
  { tables = [], generation }: Pick<Plan, 'tables' | 'generation'>,
  { policy }: Pick<Engine, 'policy'>,
): Promise<void> {
  const paths = generation === null ? files.map(({ file }) => file.path) : [generation.directory]
  const links = new Set((await Promise.all(paths.map(linksOnTheWay))).flat())
  for (const link of links) {
    const folder = link.slice(0, link.lastIndexOf('/')) || '/'
    await (await openFolder(folder, await keeperFor(link, policy)))?.close()
  }
  const led = files.map(({ file, destination }): readonly [string, string] => [file.path, destination])
  for (const [path, destination] of generation === null ? led : [ledBy(generation.directory, link)])
    await requireKept(path, destination, policy)
  for (const { source } of tables) {
    const foreign = await foreignOnTheWayTo(source)
    if (foreign === null) continue
    const { reason, fix } = foreign
    throw new WaxsealError('PATH_NOT_ALLOWED', { path: source, reason: `the table: ${reason}`, way: fix })
  }
}

/** What is below the folder of the generations goes where that folder is. */
function ledBy(directory: string, link: string | null): readonly [string, string] {
  return [join(directory, 'generations'), join(dirname(link ?? directory), 'generations')]
}

/**
 * Who writes in a folder may lead what is in it elsewhere, at any moment: what is judged is the place that was resolved, against the
 * path as far as root alone says where it leads.
 */
async function requireKept(path: string, destination: string, policy: Engine['policy']): Promise<void> {
  const own = await resolveOwnFolder(path)
  if (own === destination) return
  const [from, to] = await Promise.all([keeperFor(own, policy), keeperFor(destination, policy)])
  if (from !== null && from.uid === to?.uid && from.gid === to.gid) return
  const reason = `it leads to ${destination} by a link in a folder that is not root's alone`
  const way = 'Give the target the path that it leads to, or put a file in the place of the link'
  throw new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.folders', way })
}
