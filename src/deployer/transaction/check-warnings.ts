import type { CommandFacts, Outcome } from '../../outcome/outcome.ts'
import type { Plan } from '../../plan/plan.ts'

/**
 * What checks that succeeded say about the files of a plan: nginx, Apache and HAProxy warn, and exit with 0. Warnings about other
 * things were there before, and stay in the steps of the outcome.
 */
export function checkWarnings(
  checks: readonly CommandFacts[],
  { files }: Pick<Plan, 'files'>,
): Pick<Outcome, 'warnings'> & { readonly printed: readonly string[] } {
  const paths = files.map(({ path }) => path)
  const said = checks
    .filter(({ exitCode }) => exitCode === 0)
    .flatMap(({ command, output }) =>
      output
        .split('\n')
        .filter((line) => /\bwarn(ing)?\b/i.test(line) && paths.some((path) => names(line, path)))
        .map((line) => ({ program: command[0], line: line.trim().slice(0, 500) })),
    )
  const programs = [...new Set(said.map(({ program }) => program))]
  return {
    warnings: programs.map(
      (program) => `${program} takes the new files and warns of them: what it printed is kept on the host.`,
    ),
    printed: [...new Set(said.map(({ line }) => line))].slice(0, 10),
  }
}

/** The path itself, not one that begins with it. */
function names(line: string, path: string): boolean {
  const after = line.split(path).slice(1)
  return after.some((rest) => !/^[\w./-]*\w/.test(rest))
}
