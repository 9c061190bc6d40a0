import { lifetimeOf } from '../../../outcome/lifetime.ts'
import type { Label } from '../../store/label-store.ts'
import type { Page } from '../../store/page.ts'
import type { ListedTarget } from '../../store/store.ts'
import { requireLabels } from '../agent/label-agent.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'

/** How far the certificate on a target is in its life. */
export interface TargetRenewal extends ReturnType<typeof lifetimeOf> {
  readonly notAfter: number
}

/** Targets with what is due for renewal; null: nothing was deployed there. `agent`: of this one alone, by id or name; `labels`: of agents with all of them. */
export async function listTargets(
  { store }: Pick<Parts, 'store'>,
  page: Page,
  agent?: string,
  labels: readonly Label[] = [],
): Promise<readonly { readonly target: ListedTarget; readonly renewal: TargetRenewal | null }[]> {
  const agentId = agent === undefined ? undefined : (await agentNamed(store, agent)).id
  await requireLabels(store, labels)
  const [targets, now] = [await store.targets.list(page, { agentId, labels }), await store.now()]
  return Promise.all(
    targets.map(async (target) => {
      const version = await store.versions.onTarget(target.id)
      if (version === null) return { target, renewal: null }
      const [notBefore, notAfter] = [version.notBefore, version.notAfter].map((at) => new Date(at).toISOString())
      const lifetime = lifetimeOf({ notBefore: notBefore ?? '', notAfter: notAfter ?? '' }, now)
      return { target, renewal: { ...lifetime, notAfter: version.notAfter } }
    }),
  )
}
