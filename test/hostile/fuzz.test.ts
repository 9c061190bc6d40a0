import t from 'tap'
import { boundaries } from './support/boundaries.ts'
import { fuzz } from './support/fuzz.ts'

/** The same each time: `npm run soak` tries others. */
const seed = 20_261_126

for (const boundary of boundaries)
  t.test(`each of ${boundary.share} inputs at "${boundary.name}" ends in a value or a coded error`, async (t) => {
    const figures = await fuzz(boundary, boundary.share, seed)

    t.comment(JSON.stringify({ ...figures, crashes: figures.crashes.length, hangs: figures.hangs.length }))
    t.same(figures.crashes, [])
    t.same(figures.hangs, [])
    t.equal(figures.values + figures.refused, boundary.share)
    t.ok(figures.grownMib < 512, `memory grew by ${figures.grownMib} MiB`)
  })
