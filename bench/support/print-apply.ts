import type { ApplyFigures } from './apply.ts'
import type { Processor } from './processor.ts'

/** Everything that one run of the bench found; what `--json` prints. */
export interface ApplyReport extends Processor {
  readonly v: 1
  readonly runs: number
  readonly warmUps: number
  /** The largest median ratio that we allow. */
  readonly aim: number
  readonly figures: readonly ApplyFigures[]
}

/** The report for a person. */
export function printedApply({ figures, aim, ...report }: ApplyReport): string {
  const head = `${report.runs} commits per number of files after ${report.warmUps} to warm up. Node.js ${report.node}, ${report.cpus} × ${report.cpu}.`
  const table = [
    row('files', 'engine ms', 'p95 ms', 'floor ms', 'p95 ms', 'ratio', 'blocking ms', 'ratio'),
    ...figures.map(({ files, engine, floor, blocking, medianRatio, medianRatioToBlocking }) =>
      row(
        String(files),
        ...[engine.medianMs, engine.p95Ms, floor.medianMs, floor.p95Ms].map((ms) => ms.toFixed(1)),
        medianRatio.toFixed(2),
        blocking.medianMs.toFixed(1),
        medianRatioToBlocking.toFixed(2),
      ),
    ),
  ].join('\n')
  const notes = [
    'The engine: stageFiles, commitFiles, dropOldFiles. The floor: the same files written, fsynced, linked, renamed and',
    'unlinked, and the same folder fsynced, by awaited calls in a bare loop; blocking: by synchronous calls, which would',
    'hold up heartbeats. All by turns in one run.',
    `Ratios are medians over the rounds; the aim is at most ${aim} of the floor.`,
  ].join('\n')
  return [head, table, notes].join('\n\n')
}

function row(...cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(8) : cell.padStart(12))).join('')
}
