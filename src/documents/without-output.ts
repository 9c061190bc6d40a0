import type { Outcome } from '../outcome/outcome.ts'
import type { Report } from './report.ts'

/** The report as it may leave this host: what commands printed, and what servers said, stays here, in the log and in the history of root. */
export function withoutOutput(report: Report): Report {
  if (report.kind === 'verification')
    return report.error === undefined ? report : { ...report, error: withoutGreeting(report.error) }
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
  return withoutGreeting(told.replace(/output: (?!in the log of the host)[^]*$/, `${place})`))
}

/** What a reply begins with that says how it went: of SMTP and LMTP, IMAP, POP3, ManageSieve. */
const replyCode = String.raw`(?:\d{3}\b|\* (?:BYE|NO|BAD|PREAUTH)\b|a1 (?:NO|BAD)\b|-ERR\b|BYE\b|NO\b)?`
const greeting = new RegExp(`the server said: (${replyCode})[^]*$`, 'i')

/** A job says which port of loopback is looked at: what any service there says is for this host alone. It takes the rest of the text with it. */
function withoutGreeting(text: string): string {
  return text.replace(
    greeting,
    (_, code: string) => `the server said: ${code}${code === '' ? '' : ' '}(the rest stays on the host)`,
  )
}

/** The outcome as it may leave this host: of a command, how it ended. One that an older Waxseal wrote quotes what was printed. */
export function outcomeWithout({ printed: _, ...outcome }: Outcome, outputs: readonly string[] = []): Outcome {
  return {
    ...outcome,
    message: textWithout(outcome.message, outputs),
    warnings: (outcome.warnings ?? []).map((warning) =>
      withoutGreeting(
        warning.replace(/^(\S+ takes the new files and warns): [^]*$/, '$1: its own check says of what.'),
      ),
    ),
    probes: (outcome.probes ?? []).map((probe) =>
      typeof probe.error === 'string' ? { ...probe, error: withoutGreeting(probe.error) } : probe,
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
