import type { Material } from '../material/material.ts'
import type { Plan, PlannedFile } from '../plan/plan.ts'
import type { HostView } from './connector.ts'
import { type DaemonDefaults, planPair } from './plan-pair.ts'
import type { PairTarget } from './target.ts'

/** Who must be able to read a key that was not there before. */
export type KeyAccess = Partial<Pick<PlannedFile, 'mode' | 'owner' | 'group'>>

/** The plan of a daemon that reads its key under an account of its own: a new key is given to it, a live one keeps its access. */
export async function planDaemon(
  connector: string,
  target: PairTarget,
  material: Material,
  host: HostView,
  defaults: DaemonDefaults & { readonly newKey: KeyAccess },
): Promise<Plan> {
  const plan = planPair(connector, target, material, defaults)
  const files = await Promise.all(
    plan.files.map(async (file) => ((await isNewSecret(file, host)) ? withAccess(file, defaults.newKey) : file)),
  )
  return { ...plan, files }
}

async function isNewSecret({ path, role }: PlannedFile, host: HostView): Promise<boolean> {
  return (role === 'key' || role === 'bundle') && !(await host.exists(path))
}

/** What the target says is not changed. */
function withAccess(file: PlannedFile, { mode, owner, group }: KeyAccess): PlannedFile {
  return {
    ...file,
    mode: file.mode === 'keep' ? (mode ?? 'keep') : file.mode,
    owner: file.owner === 'keep' ? (owner ?? 'keep') : file.owner,
    group: file.group === 'keep' ? (group ?? 'keep') : file.group,
  }
}
