import { createHash } from 'node:crypto'
import { printPlan } from '../plan/printed-plan.ts'
import type { Engine } from './engine.ts'
import type { Proposal } from './propose.ts'

/** Whether this very deployment has been activated and verified before. */
export async function isRecorded(target: string, proposal: Proposal, engine: Engine): Promise<boolean> {
  const record = await engine.records.get(target)
  return record?.certificate.sha256 === proposal.material.leaf.sha256 && record.planDigest === planDigest(proposal)
}

/** SHA-256 of the printed plan: another plan is another deployment. */
export function planDigest({ plan }: Proposal): string {
  return createHash('sha256')
    .update(JSON.stringify(printPlan(plan)))
    .digest('hex')
}
