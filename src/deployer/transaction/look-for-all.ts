import { failureOf, runInOrder } from '../../apply/run-step.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import type { CommandFacts, ProbeOutcome } from '../../outcome/outcome.ts'
import { SharedLooks } from '../../verify/shared-looks.ts'
import type { Engine } from '../engine.ts'
import { failedProbes } from './judge.ts'
import { lookForNew } from './look-for.ts'
import { lookForOthers } from './look-for-others.ts'
import { lookTwice } from './look-twice.ts'

/** What the ports of a transaction show. */
export interface AllLooks {
  readonly ofMembers: readonly (readonly ProbeOutcome[])[]
  /** Those that decide and did not see what they should, of other names in the same tables, too. */
  readonly failed: readonly ProbeOutcome[]
  /** Ports that refused until the second reload. */
  readonly lost: readonly ProbeOutcome[]
}

/** Looks for the new leaves of a transaction that was activated, and has it activated once more where ports alone are closed. */
export async function lookForAll(
  entry: JournalEntry,
  engine: Engine,
  commands: CommandFacts[],
  signal?: AbortSignal,
): Promise<AllLooks> {
  const { seen, lost } = await lookTwice({
    look: (until) => lookOnce(entry, engine, until),
    failedOf: ({ failed }) => failed,
    load: async () => {
      const ran = await runInOrder(entry.activate, engine.timeouts.activateMs, signal)
      commands.push(...ran)
      return ran.length > 0 && failureOf(ran, 'ACTIVATE_FAILED') === null
    },
    signal,
  })
  return { ...seen, lost }
}

async function lookOnce(
  entry: JournalEntry,
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<Omit<AllLooks, 'lost'>> {
  const shared = new SharedLooks()
  const [ofMembers, ofOthers] = await Promise.all([
    Promise.all(entry.deployments.map((deployment) => lookForNew(deployment, engine, shared, signal))),
    lookForOthers(entry, engine, shared, signal),
  ])
  return { ofMembers, failed: failedProbes([...ofMembers.flat(), ...ofOthers]) }
}
