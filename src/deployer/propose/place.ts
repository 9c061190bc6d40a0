import { type DestinedLink, isInPlace, type PreparedChanges, prepareChanges } from '../../apply/prepare-changes.ts'
import { requireReplaceable } from '../../apply/require-replaceable.ts'
import type { Keeper } from '../../plan/keeper.ts'
import type { Plan } from '../../plan/plan.ts'
import { keeperFor } from '../../policy/keeper-for.ts'
import type { Destinations } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from './deploy-request.ts'

/** What is to change at these destinations, where nobody but root, and whom policy names, can put something else in the way. */
export async function place(
  { files, link }: Pick<Destinations, 'files' | 'link'>,
  plan: Pick<Plan, 'generation'>,
  request: Pick<DeployRequest, 'target'>,
  engine: Pick<Engine, 'policy' | 'records' | 'clock'>,
): Promise<PreparedChanges> {
  const changes = await prepareChanges(
    await Promise.all(files.map((file) => kept(file, file.destination, engine))),
    link === null ? null : await kept(await generationBehind(link, plan, request, engine), link, engine),
  )
  if (!changes.files.every(isInPlace)) await requireReplaceable(changes)
  return changes
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
