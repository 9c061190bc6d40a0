import { createHash } from 'node:crypto'
import type { JournalledDeployment } from '../journal/journal.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import { printPlan } from '../plan/printed-plan.ts'
import { certificateFacts } from './certificate-facts.ts'
import type { Engine } from './engine.ts'
import type { DeployRequest, Proposal } from './propose.ts'

/** Whether this very deployment has been activated and verified before. */
export async function isRecorded(target: string, proposal: Proposal, engine: Engine): Promise<boolean> {
  const record = await engine.records.get(target)
  return record?.certificate.sha256 === proposal.material.leaf.sha256 && record.planDigest === planDigest(proposal)
}

/** SHA-256 of the printed plan: another plan is another deployment. */
function planDigest({ plan }: Proposal): string {
  return createHash('sha256')
    .update(JSON.stringify(printPlan(plan)))
    .digest('hex')
}

/** What the record of a deployment will say beside what was seen. */
export function recordFor(
  proposal: Proposal,
  { targetName }: Pick<DeployRequest, 'targetName'>,
): JournalledDeployment['record'] {
  const { material, plan, changes } = proposal
  return {
    certificate: certificateFacts(material.leaf),
    planDigest: planDigest(proposal),
    files: changes.files.map(({ path, destination, role, after }) => ({
      path: changes.link === null ? destination : path,
      role,
      ...after,
    })),
    check: plan.check,
    ...(targetName === undefined ? {} : { targetName }),
  }
}

/** Writes the record of a deployment that is activated and verified. */
export async function recordDeployment(
  service: string,
  { target, connector, record, probes: looks }: JournalledDeployment,
  probes: readonly ProbeOutcome[],
  engine: Engine,
): Promise<void> {
  const deployed = new Date(engine.clock.now()).toISOString()
  await engine.records.put(target, { target, connector, service, deployed, ...record, probes, looks })
}
