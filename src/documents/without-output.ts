import type { Outcome } from '../outcome/outcome.ts'
import type { Report } from './report.ts'

/** The report as it may leave this host: what commands printed stays here, in the log and in the history of root. */
export function withoutOutput(report: Report): Report {
  if (report.kind === 'verification') return report
  const { error, outcome } = report
  const outputs = outcome === undefined ? [] : outputsOf(outcome)
  return {
    ...report,
    ...(error === undefined ? {} : { error: textWithout(error, outputs) }),
    ...(outcome === undefined ? {} : { outcome: outcomeWithout(outcome, outputs) }),
  }
}

const place = 'output: in the log of the host'

/** As `failureOf` in apply/run-step.ts quotes it: the end of what was printed. */
const mostQuoted = 500

/** Every text about an error ends its details with the output: one that is not known here takes the rest of the text with it. */
export function textWithout(text: string, outputs: readonly string[] = []): string {
  let told = text
  for (const output of outputs.toSorted((one, other) => other.length - one.length))
    told = told.replaceAll(`output: ${output.slice(-mostQuoted)}`, place)
  return told.replace(/output: (?!in the log of the host)[^]*$/, `${place})`)
}

/** The outcome as it may leave this host: of a command, how it ended. One that an older Waxseal wrote quotes what was printed. */
export function outcomeWithout({ printed: _, ...outcome }: Outcome, outputs: readonly string[] = []): Outcome {
  return {
    ...outcome,
    message: textWithout(outcome.message, outputs),
    warnings: (outcome.warnings ?? []).map((warning) =>
      warning.replace(/^(\S+ takes the new files and warns): [^]*$/, '$1: its own check says of what.'),
    ),
    steps: (outcome.steps ?? []).map((step) => ({
      ...step,
      commands: step.commands.map((command) => ({ ...command, output: '' })),
    })),
  }
}

function outputsOf({ steps }: Pick<Outcome, 'steps'>): readonly string[] {
  return steps.flatMap(({ commands }) => commands.map(({ output }) => output)).filter((output) => output !== '')
}
