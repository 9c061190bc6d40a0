import { parseArgs } from 'node:util'
import { boundaries } from './support/boundaries.ts'
import { type Figures, fuzz } from './support/fuzz.ts'

// `npm run soak -- [--inputs N] [--seed N] [--only TEXT]`: a million inputs over all boundaries, with a seed of its own; figures, a line each.
const { values } = parseArgs({
  options: { inputs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string', default: '' } },
})
const inputs = Number(values.inputs ?? 1_000_000)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const all: Figures[] = []
for (const boundary of boundaries.filter(({ name }) => name.includes(values.only))) {
  const figures = await fuzz(boundary, Math.ceil((inputs * boundary.share) / 10_000), seed)
  all.push(figures)
  console.log(JSON.stringify({ ...figures, crashes: figures.crashes.slice(0, 5), hangs: figures.hangs.slice(0, 5) }))
}
const sum = (count: (figures: Figures) => number): number => all.reduce((total, figures) => total + count(figures), 0)
const crashes = sum((figures) => figures.crashes.length)
const hangs = sum((figures) => figures.hangs.length)
console.log(JSON.stringify({ seed, inputs: sum((figures) => figures.inputs), crashes, hangs }))
if (crashes + hangs > 0) process.exitCode = 1
