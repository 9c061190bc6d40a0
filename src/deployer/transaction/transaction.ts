import type { CommandFacts, Outcome, Stage } from '../../outcome/outcome.ts'
import type { Command } from '../../plan/plan.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from '../propose/deploy-request.ts'
import type { Beside } from '../propose/find-beside.ts'
import type { Proposal } from '../propose/propose.ts'
import type { OutcomeDraft } from './outcome-draft.ts'
import { runStep } from './step-recorder.ts'

/** One deployment under way. */
export interface Deployment {
  readonly request: DeployRequest
  readonly draft: OutcomeDraft
  /** Told once, as soon as the outcome is known. */
  readonly end: (outcome: Outcome) => Promise<void>
}

/** One that has something to do. */
export interface Member extends Deployment {
  readonly proposal: Proposal
  /** All files are there already, and only their activation and verification are not on record. */
  readonly isLive: boolean
  /** The other daemons that read its files; asked once. */
  readonly beside: () => Promise<Beside>
}

/**
 * Deployments to one service, or to services that share a file, no two of them to one target or one file: one check, one reload
 * and one rollback of each service.
 */
export type Transaction = readonly Member[]

/** Runs one step of all members at once. */
export function step<T>(
  members: Transaction,
  engine: Engine,
  name: Stage,
  work: (commands: CommandFacts[]) => Promise<T>,
): Promise<T> {
  const drafts = members.map(({ draft }) => draft)
  return runStep(drafts, engine.clock, name, work)
}

/** Each command once, where it is last: a reload comes after everything that any member wants done before it. */
export function once(commands: readonly Command[]): readonly Command[] {
  const words = commands.map((command) => JSON.stringify(command))
  return commands.filter((_, index) => words.lastIndexOf(words[index] ?? '') === index)
}
