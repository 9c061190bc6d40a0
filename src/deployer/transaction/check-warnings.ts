import type { CommandFacts, Outcome } from '../../outcome/outcome.ts'
import type { Plan } from '../../plan/plan.ts'

/**
 * What checks that succeeded say about the files of a plan: nginx, Apache and HAProxy warn, and exit with 0. That is a line that names
 * one of them, and one that the same check did not print of the files of before: of an OCSP response that the new leaf does not have,
 * HAProxy 2.6 names no file. Warnings about other things stay in the steps of the outcome.
 */
export function checkWarnings(
  checks: readonly CommandFacts[],
  before: readonly CommandFacts[],
  { files }: Pick<Plan, 'files'>,
): Pick<Outcome, 'warnings'> & { readonly printed: readonly string[] } {
  const paths = files.map(({ path }) => path)
  const said = checks
    .filter(({ exitCode }) => exitCode === 0)
    .flatMap(({ command, output }) => {
      const earlier = saidBefore(command, before)
      return output
        .split('\n')
        .filter((line) => /\bwarn(ing)?\b/i.test(line))
        .filter((line) => paths.some((path) => names(line, path)) || earlier?.includes(worded(line)) === false)
        .map((line) => ({ program: command[0], line: line.trim().slice(0, 500) }))
    })
  const programs = [...new Set(said.map(({ program }) => program))]
  return {
    warnings: programs.map(
      (program) => `${program} takes the new files and warns of them: what it printed is kept on the host.`,
    ),
    printed: [...new Set(said.map(({ line }) => line))].slice(0, 10),
  }
}

/** Null: it was not asked before, or has failed. */
function saidBefore(command: CommandFacts['command'], before: readonly CommandFacts[]): readonly string[] | null {
  const words = command.join('\0')
  const asked = before.find((facts) => facts.exitCode === 0 && facts.command.join('\0') === words)
  return asked?.output.split('\n').map(worded) ?? null
}

/** Without what differs from run to run: times, process ids. */
function worded(line: string): string {
  return line.trim().replaceAll(/\d+/g, '#')
}

/** The path itself, not one that begins with it. */
function names(line: string, path: string): boolean {
  const after = line.split(path).slice(1)
  return after.some((rest) => !/^[\w./-]*\w/.test(rest))
}
