import type { AgentRow, DriftRow } from '../../store/rows.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'

/** Keeps what drifts. Of the agent's own targets; one without a reason is in order, and one that is not known here was deployed by hand. */
export async function recordDrift(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  drift: readonly DriftRow[],
): Promise<void> {
  if (drift.length === 0) return
  await store.transaction(async (inside) => {
    const known: string[] = []
    for (const row of drift) {
      if ((await inside.targets.byId(row.targetId))?.agentId !== agent.id) continue
      await inside.targets.setDrift(row)
      known.push(row.targetId)
    }
    if (known.length > 0) await audit(inside, `agent:${agent.id}`, 'target.drift', agent.id, { targets: known })
  })
}
