import { failureOf, runInOrder } from '../../apply/run-step.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { CommandFacts } from '../../outcome/outcome.ts'
import type { Command, Plan } from '../../plan/plan.ts'
import { SharedLooks } from '../../verify/shared-looks.ts'
import type { Engine } from '../engine.ts'
import { lookAtTables, type OtherName, type Others } from './look-at-tables.ts'
import { lookBefore, type Served } from './look-before.ts'
import { type Joined, preflightBeside, servedTogether } from './preflight-beside.ts'
import { type Member, once, step, type Transaction } from './transaction.ts'

/** How the host was before anything was touched. */
export interface Before {
  /** A check that reads certificates failed: remembered, not decisive, for a first deployment may be what mends it. */
  readonly isBroken: boolean
  /** What the checks said then. */
  readonly checks: readonly CommandFacts[]
  /** One per member, the daemons beside its own included. */
  readonly served: readonly Served[]
  /** For each member the daemons beside its own. */
  readonly joined: readonly (readonly Joined[])[]
  /** The other names of the tables that are compiled anew. */
  readonly others: readonly OtherName[]
}

/** Asks the daemons' own checks, and every probe. PREFLIGHT_FAILED where no new certificate can mend what a check says. */
export async function preflight(members: Transaction, engine: Engine): Promise<Before> {
  return step(members, engine, 'preflight', async (commands) => {
    const others: CommandFacts[] = []
    const shared = new SharedLooks()
    const look = (member: Member): Promise<Served> => lookBefore(member, shared)
    const looking = Promise.all([
      Promise.all(members.map(look)),
      preflightBeside(members, engine, others, { look, shared }),
      lookAtOwnTables(members, engine, shared),
    ])
    looking.catch(() => {})
    const failure = await runChecks(members, engine, commands).finally(() => looking)
    const [own, joined, tables] = await looking
    commands.push(...others)
    for (const { draft } of members) draft.warnings = [...draft.warnings, ...tables.warnings]
    const names = [...tables.names, ...joined.flat().flatMap((one) => one.others.names)]
    const served = own.map((one, index) => servedTogether(one, joined[index] ?? []))
    return { isBroken: failure !== null, checks: [...commands], served, joined, others: names }
  })
}

function lookAtOwnTables(members: Transaction, { hostView }: Engine, shared: SharedLooks): Promise<Others> {
  const plans = members.map(({ proposal }) => proposal.plan)
  const paths = plans.flatMap(({ files }) => files.map(({ path }) => path))
  return lookAtTables(
    plans.flatMap(({ tables = [] }) => tables),
    paths,
    hostView,
    shared,
  )
}

/** Those that decide come first. Returns the failure of one that does not decide yet. */
async function runChecks(
  members: Transaction,
  { timeouts }: Engine,
  commands: CommandFacts[],
): Promise<WaxsealError | null> {
  const decisive = checksOf(members, ({ checkReadsCertificates = true }) => checkReadsCertificates !== true)
  commands.push(...(await runInOrder(decisive, timeouts.checkMs)))
  const failure = failureOf(commands, 'CHECK_FAILED')
  if (failure !== null) throw new WaxsealError('PREFLIGHT_FAILED', failure.details)
  const words = decisive.map((command) => command.join('\0'))
  const others = checksOf(members).filter((command) => !words.includes(command.join('\0')))
  commands.push(...(await runInOrder(others, timeouts.checkMs)))
  return failureOf(commands, 'CHECK_FAILED')
}

/** The checks of the members whose plan is so, each once. */
function checksOf(members: Transaction, isMeant: (plan: Checked) => boolean = () => true): readonly Command[] {
  return checksIn(members.map(({ proposal }) => proposal.plan).filter(isMeant))
}

type Checked = Pick<Plan, 'check' | 'checkReadsCertificates'>

function checksIn(services: readonly Checked[]): readonly Command[] {
  return once(services.flatMap(({ check }) => (check === null ? [] : [check])))
}

/** The checks that are asked again once the new files are there. */
export function laterChecksOf(services: readonly Checked[]): readonly Command[] {
  return checksIn(services.filter(({ checkReadsCertificates }) => checkReadsCertificates !== false))
}
