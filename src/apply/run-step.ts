import { WaxsealError } from '../error/waxseal-error.ts'
import { runCommand } from '../host/process/command.ts'
import type { CommandFacts } from '../outcome/outcome.ts'
import { deniedWay } from '../plan/denied-way.ts'
import type { Command } from '../plan/plan.ts'

/** Runs commands in order up to the first that fails, and returns the facts of each that ran. None begins once the signal aborts. */
export async function runInOrder(
  commands: readonly Command[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<readonly CommandFacts[]> {
  const facts: CommandFacts[] = []
  for (const command of commands) {
    if (signal?.aborted === true) return [...facts, tooLate(command)]
    const { stdout: _, ...ran } = await runCommand(command, { timeoutMs })
    facts.push(ran)
    if (ran.exitCode !== 0) break
  }
  return facts
}

function tooLate(command: Command): CommandFacts {
  return { command, exitCode: null, signal: null, timedOut: true, output: 'the time for all of it had passed', ms: 0 }
}

/** The command that failed, as an error of this code; null when all went well. */
export function failureOf(
  facts: readonly CommandFacts[],
  code: 'CHECK_FAILED' | 'ACTIVATE_FAILED' | 'ROLLBACK_FAILED',
): WaxsealError | null {
  const failed = facts.find((ran) => ran.exitCode !== 0)
  if (failed === undefined) return null
  const way = deniedWay(failed.output)
  return new WaxsealError(code, {
    ...(way === null ? {} : { way }),
    command: failed.command.join(' '),
    exitCode: failed.exitCode,
    timedOut: failed.timedOut,
    output: failed.output.slice(-500),
  })
}
