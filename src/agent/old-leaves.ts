import type { PreparedChange } from '../apply/prepare-changes.ts'
import { parseCertificates } from '../material/parse-certificate.ts'
import type { Plan } from '../plan/plan.ts'
import { probeOnce } from '../verify/probe-once.ts'

/**
 * For each probe the leaves that prove a rollback: what the socket serves now, or what the old files hold (the daemon may
 * not have loaded those yet). Empty where nothing is served now: there is no state to come back to.
 */
export async function oldLeavesOf(
  plan: Plan,
  changes: readonly PreparedChange[],
): Promise<readonly (readonly string[])[]> {
  const onDisk = changes.flatMap(leafOf)
  const looks = await Promise.all(plan.probes.map((probe) => probeOnce(probe)))
  return looks.map((look) => (look.leaf === null ? [] : [...new Set([look.leaf.sha256, ...onDisk])]))
}

function leafOf({ role, previous }: PreparedChange): readonly string[] {
  if (previous === null || (role !== 'certificate' && role !== 'bundle')) return []
  try {
    return parseCertificates(previous)
      .slice(0, 1)
      .map((leaf) => leaf.sha256)
  } catch {
    return []
  }
}
