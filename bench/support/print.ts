import type { Figures, Share, Spread } from './figures.ts'
import type { Processor } from './processor.ts'

/** Everything that one run of the bench found; what `--json` prints. */
export interface BenchReport extends Processor {
  readonly v: 1
  readonly runs: number
  readonly warmUps: number
  /** A sentence where a daemon is not the real one. */
  readonly remark: string | null
  readonly daemons: readonly (Figures & { readonly daemon: string; readonly probes: number })[]
}

/** The report for a person. */
export function printed({ daemons, remark, ...report }: BenchReport): string {
  const head = `${report.runs} deployments per daemon after ${report.warmUps} to warm up. Node.js ${report.node}, ${report.cpus} × ${report.cpu}.`
  const notes = [
    'Shares are of "available to verified"; settle and report come after it.',
    "The bare limit is the daemon's own check once, its reload once and one handshake on each listener, measured beside each deployment.",
    'The control plane runs in a process of its own. "begin" counts the try and reads the journal.',
    "Waxseal's own time is all but the daemon's commands and the probes.",
  ]
  return [head, ...(remark === null ? [] : [remark]), ...daemons.map(printedDaemon), notes.join('\n')].join('\n\n')
}

function printedDaemon({
  daemon,
  probes,
  verified,
  bare,
  ratio,
  reported,
  steps,
  split,
  own,
  tries,
}: BenchReport['daemons'][number]) {
  return [
    row(daemon, 'median ms', 'p95 ms', 'share'),
    spread('available to verified', verified),
    spread('available to reported', reported),
    spread('bare limit', bare),
    row('claimed to verified by it', ratio.toFixed(2), '', ''),
    '',
    ...steps.map(share),
    '',
    ...split.map(share),
    ...own.map((half) => share({ ...half, name: `  ${half.name}` })),
    '',
    `${probes} probes, each seen after ${tries === 1 ? 'one try' : `at most ${tries} tries`}.`,
  ].join('\n')
}

function share(one: Share): string {
  return row(one.name, one.medianMs.toFixed(1), one.p95Ms.toFixed(1), `${(one.share * 100).toFixed(1)} %`)
}

function spread(name: string, { medianMs, p95Ms }: Spread): string {
  return row(name, medianMs.toFixed(1), p95Ms.toFixed(1), '')
}

function row(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(32)}${cells.map((cell) => cell.padStart(10)).join('')}`.trimEnd()
}
