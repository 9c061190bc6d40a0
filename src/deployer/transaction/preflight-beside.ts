import { runInOrder } from '../../apply/run-step.ts'
import { asWaxsealError, describeError } from '../../error/waxseal-error.ts'
import type { CommandFacts } from '../../outcome/outcome.ts'
import type { Command, PlannedService } from '../../plan/plan.ts'
import type { SharedLooks } from '../../verify/shared-looks.ts'
import type { Engine } from '../engine.ts'
import { lateOf } from '../propose/find-beside.ts'
import { lookAtTables, type Others } from './look-at-tables.ts'
import type { Served } from './look-before.ts'
import type { Member, Transaction } from './transaction.ts'

/** Another daemon that is part of a transaction, and how it was before. */
export interface Joined {
  readonly service: PlannedService
  readonly served: Served
  readonly others: Others
}

/**
 * For each member the other daemons that read its files: each is asked its own check, once, and looked at. One that fails it,
 * or shows no certificate, is left out, and that it will be late is told: it must not hold up the plan's own service.
 */
export async function preflightBeside(
  members: Transaction,
  engine: Engine,
  commands: CommandFacts[],
  { look, shared }: Pick<Looks, 'look'> & { readonly shared: SharedLooks },
): Promise<readonly (readonly Joined[])[]> {
  const asked = new Map<string, Promise<readonly CommandFacts[]>>()
  const ask = (check: Command): Promise<readonly CommandFacts[]> => {
    const words = check.join('\0')
    const asking = asked.get(words) ?? runInOrder([check], engine.timeouts.checkMs)
    asked.set(words, asking)
    return asking
  }
  const paths = members.flatMap(({ proposal }) => proposal.plan.files.map(({ path }) => path))
  const tables = ({ tables: planned = [] }: PlannedService): Promise<Others> =>
    lookAtTables(planned, paths, engine.hostView, shared)
  const joined = await Promise.all(members.map((member) => joinedTo(member, { ask, look, tables })))
  commands.push(...(await Promise.all(asked.values())).flat())
  return joined
}

interface Looks {
  readonly ask: (check: Command) => Promise<readonly CommandFacts[]>
  readonly look: (member: Member) => Promise<Served>
  readonly tables: (service: PlannedService) => Promise<Others>
}

async function joinedTo(member: Member, { ask, look, tables }: Looks): Promise<readonly Joined[]> {
  const { services, warnings, refusal } = await member.beside()
  if (refusal !== null) throw refusal
  const { proposal, draft } = member
  const late: string[] = [...warnings]
  const joined = await Promise.all(
    services.map(async (service): Promise<readonly Joined[]> => {
      const plan = { ...proposal.plan, probes: service.probes }
      const looking = look({ ...member, proposal: { ...proposal, plan } })
      const ran = service.check === null ? [] : await ask(service.check)
      const served = await looking
      const others = await tables(service).catch((error: unknown) => describeError(asWaxsealError(error)))
      const isShown = served.oldLeaves.some((leaves) => leaves.length > 0)
      const hasFailed = ran.some(({ exitCode }) => exitCode !== 0)
      if (isShown && !hasFailed && typeof others !== 'string') return [{ service, served, others }]
      const [reload = ['true']] = service.activate.slice(-1)
      const why = typeof others === 'string' ? others : hasFailed ? 'its own check fails' : 'it shows no certificate'
      late.push(...lateOf({ service: service.service, reload }, proposal.plan, why).warnings)
      return []
    }),
  )
  // Two daemons may have the same to say of one file.
  draft.warnings = [...new Set([...draft.warnings, ...late])]
  return joined.flat()
}

/** All that a member's services were seen to serve. */
export function servedTogether(own: Served, joined: readonly Joined[]): Served {
  const all = [own, ...joined.map(({ served }) => served)]
  return {
    probes: all.flatMap(({ probes }) => probes),
    oldLeaves: all.flatMap(({ oldLeaves }) => oldLeaves),
    before: all.flatMap(({ before }) => before),
  }
}
