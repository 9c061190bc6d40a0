import { type DestinedLink, isInPlace, type PreparedChanges, prepareChanges } from '../../apply/prepare-changes.ts'
import { requireReplaceable } from '../../apply/require-replaceable.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { DeploymentRecord } from '../../journal/deployment-record.ts'
import type { Keeper } from '../../plan/keeper.ts'
import type { Plan } from '../../plan/plan.ts'
import { keeperFor } from '../../policy/keeper-for.ts'
import type { Destinations } from '../../policy/policy.ts'
import { type Placed, requireFitting } from '../../policy/require-fitting.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from './deploy-request.ts'
import { requireOwnWay } from './require-own-way.ts'

/** What is to change at these destinations, where nobody but root, and whom policy names, can put something else in the way. */
export async function place(
  { files, link }: Pick<Destinations, 'files' | 'link'>,
  plan: Pick<Plan, 'generation' | 'wiring' | 'tables'>,
  request: Pick<DeployRequest, 'target'>,
  engine: Pick<Engine, 'policy' | 'records' | 'clock'>,
): Promise<PreparedChanges> {
  await requireOwnWay({ files, link }, plan, engine)
  const changes = await prepareChanges(
    await Promise.all(files.map((file) => kept(file, file.destination, engine))),
    link === null ? null : await kept(await generationBehind(link, plan, request, engine), link, engine),
  )
  if (changes.files.every(isInPlace)) return changes
  await requireFitting(placedIn(changes), plan.wiring, (file) => isRecorded(file, request, engine), engine.policy.roots)
  await requireReplaceable(changes)
  return changes
}

/** A generation behind the link of an earlier one is made anew, whatever was in that. Another link may be anybody's. */
function placedIn({ files, link }: PreparedChanges): readonly Placed[] {
  const before = link?.before ?? null
  if (before?.startsWith('generations/') === true) return []
  if (link !== null && before !== null && files.some(({ live }) => live === null)) {
    const reason = `it is a link to ${before}, which has not all files of this target`
    throw new WaxsealError('PATH_NOT_ALLOWED', { path: link.link, reason, way: `mv ${link.link} ${link.link}.old` })
  }
  return files.map(({ path, role, destination, contents, live, keeper = null }) => {
    return { path, role, place: link?.link ?? destination, contents, live, keeper }
  })
}

/** The target's own record is at hand; the others are asked where nothing else allows it. */
async function isRecorded(
  { path, role, place: destination }: Placed,
  { target }: Pick<DeployRequest, 'target'>,
  { records }: Pick<Engine, 'records'>,
): Promise<boolean> {
  const isIn = (record: DeploymentRecord): boolean =>
    record.files.some((file) => file.role === role && [path, destination].includes(file.path))
  const own = await records.get(target)
  return (own !== null && isIn(own)) || (await records.list()).some(({ document }) => isIn(document))
}

/** With the keeper of its folder, if policy names one. */
async function kept<T extends object>(
  what: T,
  path: string,
  { policy }: Pick<Engine, 'policy'>,
): Promise<T & { readonly keeper?: Keeper }> {
  const keeper = await keeperFor(path, policy)
  return keeper === null ? what : { ...what, keeper }
}

/** The generation before has the names that this target's record has in it. */
async function generationBehind(
  link: string,
  { generation }: Pick<Plan, 'generation'>,
  { target }: Pick<DeployRequest, 'target'>,
  { records, clock }: Pick<Engine, 'records' | 'clock'>,
): Promise<DestinedLink> {
  const { files } = (await records.get(target)) ?? { files: [] }
  const prefix = `${generation?.link ?? link}/`
  const names = files.filter(({ path }) => path.startsWith(prefix)).map(({ path }) => path.slice(prefix.length))
  return { link, now: clock.now(), earlier: names.filter((name) => !name.includes('/')) }
}
