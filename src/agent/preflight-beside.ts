import { runInOrder } from '../apply/run-step.ts'
import type { CommandFacts } from '../outcome/outcome.ts'
import type { Command, PlannedService } from '../plan/plan.ts'
import type { Engine } from './engine.ts'
import { lateOf } from './find-beside.ts'
import type { Served } from './preflight.ts'
import type { Member, Transaction } from './transaction.ts'

/** Another daemon that is part of a transaction, and how it was before. */
export interface Joined {
  readonly service: PlannedService
  readonly served: Served
}

/**
 * For each member the other daemons that read its files: each is asked its own check, once, and looked at. One that fails it,
 * or shows no certificate, is left out, and that it will be late is told: it must not hold up the plan's own service.
 */
export async function preflightBeside(
  members: Transaction,
  engine: Engine,
  commands: CommandFacts[],
  look: (member: Member) => Promise<Served>,
): Promise<readonly (readonly Joined[])[]> {
  const asked = new Map<string, Promise<readonly CommandFacts[]>>()
  const ask = (check: Command): Promise<readonly CommandFacts[]> => {
    const words = check.join('\0')
    const asking = asked.get(words) ?? runInOrder([check], engine.timeouts.checkMs)
    asked.set(words, asking)
    return asking
  }
  const joined = await Promise.all(members.map((member) => joinedTo(member, ask, look)))
  commands.push(...(await Promise.all(asked.values())).flat())
  return joined
}

async function joinedTo(
  member: Member,
  ask: (check: Command) => Promise<readonly CommandFacts[]>,
  look: (member: Member) => Promise<Served>,
): Promise<readonly Joined[]> {
  const { services, warnings } = await member.beside()
  const { proposal, draft } = member
  const late: string[] = [...warnings]
  const joined = await Promise.all(
    services.map(async (service): Promise<readonly Joined[]> => {
      const plan = { ...proposal.plan, probes: service.probes }
      const looking = look({ ...member, proposal: { ...proposal, plan } })
      const ran = service.check === null ? [] : await ask(service.check)
      const served = await looking
      const isShown = served.oldLeaves.some((leaves) => leaves.length > 0)
      const hasFailed = ran.some(({ exitCode }) => exitCode !== 0)
      if (isShown && !hasFailed) return [{ service, served }]
      const [reload = ['true']] = service.activate.slice(-1)
      const why = hasFailed ? 'its own check fails' : 'it shows no certificate on any listener'
      late.push(...lateOf({ service: service.service, reload }, proposal.plan, why).warnings)
      return []
    }),
  )
  draft.warnings = [...draft.warnings, ...late]
  return joined.flat()
}

/** All that a member's services were seen to serve. */
export function servedTogether(own: Served, joined: readonly Joined[]): Served {
  const all = [own, ...joined.map(({ served }) => served)]
  return { probes: all.flatMap(({ probes }) => probes), oldLeaves: all.flatMap(({ oldLeaves }) => oldLeaves) }
}
