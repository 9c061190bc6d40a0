import { parseArgs } from 'node:util'
import { makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { type ApplyFigures, measureApply } from './support/apply.ts'
import { type ApplyReport, printedApply } from './support/print-apply.ts'
import { thisProcessor } from './support/processor.ts'

const runs = 100
const warmUps = 10

/** The target: the engine's commit path takes at most this many times what its system calls alone take. */
const aim = 1.5

const undo: (() => Promise<void>)[] = []
try {
  const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
  const dir = await makeTemporaryFolder('waxseal-bench-')
  undo.push(() => removeTree(dir))
  const figures: ApplyFigures[] = []
  for (const files of [1, 3, 30]) figures.push(await measureApply(dir, files, { runs, warmUps }))
  const report: ApplyReport = {
    v: 1,
    ...thisProcessor(),
    runs,
    warmUps,
    aim,
    figures,
  }
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : printedApply(report)}\n`)
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`bench: ${String(error)}\n`)
} finally {
  for (const step of undo.toReversed()) await step()
}
