import { WaxsealError } from '../error/waxseal-error.ts'
import { runCommand } from '../host/process/command.ts'
import { limits } from '../limit/limits.ts'
import type { CommandFacts } from '../outcome/outcome.ts'
import { deniedWay } from '../plan/denied-way.ts'
import type { Command } from '../plan/plan.ts'

/** Runs commands in order up to the first that fails, and returns the facts of each that ran. None begins once the signal aborts, or the time of a step is over. */
export async function runInOrder(
  commands: readonly Command[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<readonly CommandFacts[]> {
  const facts: CommandFacts[] = []
  const until = performance.now() + limits.commandsOfAStep.most
  for (const command of commands) {
    const leftMs = Math.round(until - performance.now())
    if (signal?.aborted === true || leftMs <= 0) return [...facts, tooLate(command)]
    const { stdout: _, ...ran } = await runCommand(command, { timeoutMs: Math.min(timeoutMs, leftMs) })
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
