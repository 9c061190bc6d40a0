import { failureOf, runInOrder } from '../apply/run-step.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { CommandFacts } from '../outcome/outcome.ts'
import type { Command, Plan, Probe } from '../plan/plan.ts'
import { type Look, probeOnce } from '../verify/probe-once.ts'
import type { Engine } from './engine.ts'
import { leafOf } from './live-leaf.ts'
import { lookAtTables, type OtherName, type Others } from './look-at-tables.ts'
import { type Joined, preflightBeside, servedTogether } from './preflight-beside.ts'
import { type Member, once, step, type Transaction } from './transaction.ts'

/** How one target was before anything was touched. */
export interface Served {
  /** The probes that there is somebody to answer. */
  readonly probes: readonly Probe[]
  /**
   * For each probe the leaves that prove a rollback: what the socket served, or what the old files hold (the daemon may
   * not have loaded those yet). Empty where nothing was served: there is no state to come back to.
   */
  readonly oldLeaves: readonly (readonly string[])[]
}

/** How the host was before anything was touched. */
export interface Before {
  /** A check that reads certificates failed: remembered, not decisive, for a first deployment may be what mends it. */
  readonly isBroken: boolean
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
    const looking = Promise.all([
      Promise.all(members.map(look)),
      preflightBeside(members, engine, others, look),
      lookAtOwnTables(members, engine),
    ])
    looking.catch(() => {})
    const failure = await runChecks(members, engine, commands).finally(() => looking)
    const [own, joined, tables] = await looking
    commands.push(...others)
    for (const { draft } of members) draft.warnings = [...draft.warnings, ...tables.warnings]
    const names = [...tables.names, ...joined.flat().flatMap((one) => one.others.names)]
    const served = own.map((one, index) => servedTogether(one, joined[index] ?? []))
    return { isBroken: failure !== null, served, joined, others: names }
  })
}

function lookAtOwnTables(members: Transaction, { hostView }: Engine): Promise<Others> {
  const plans = members.map(({ proposal }) => proposal.plan)
  const paths = plans.flatMap(({ files }) => files.map(({ path }) => path))
  return lookAtTables(
    plans.flatMap(({ tables = [] }) => tables),
    paths,
    hostView,
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

async function look({ proposal: { plan, changes }, draft }: Member): Promise<Served> {
  const looks = await Promise.all(plan.probes.map(async (probe) => ({ probe, look: await probeOnce(probe) })))
  const asked = looks.filter((one) => !isSilentSibling(one.probe, one.look, looks))
  draft.warnings = [
    ...draft.warnings,
    ...looks
      .filter((one) => !asked.includes(one))
      .map(
        ({ probe }) =>
          `Nobody listens at ${probe.host} port ${probe.port}, an address of ${probe.name}: it is not verified.`,
      ),
  ]
  const onDisk = changes.files.flatMap(leafOf).map(({ sha256 }) => sha256)
  return {
    probes: asked.map(({ probe }) => probe),
    oldLeaves: asked.map((one) => (one.look.leaf === null ? [] : [...new Set([one.look.leaf.sha256, ...onDisk])])),
  }
}

/** A name may have an address that the daemon does not listen on, `localhost` above all: another of its addresses answers. */
function isSilentSibling(
  { name, port }: Probe,
  { error }: Look,
  all: readonly { readonly probe: Probe; readonly look: Look }[],
): boolean {
  if (name === undefined || !/^connect: .*ECONNREFUSED/.test(error ?? '')) return false
  return all.some(({ probe, look }) => probe.name === name && probe.port === port && look.leaf !== null)
}
