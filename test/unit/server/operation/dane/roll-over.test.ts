import t from 'tap'
import { runWorld, type WorldOptions } from '../../../../support/rollover-world.ts'

const isSoak = process.env['WAXSEAL_SOAK'] === '1'
const first = Number(process.env['ROLLOVER_SEED'] ?? 1)
const [worlds, steps] = isSoak ? [500, 3000] : [7, 600]

for (const isByHand of [false, true]) {
  t.test(
    `whatever fails, is late or is taken back, no resolver has records without the key that is served${isByHand ? ', where people publish' : ''}`,
    async (t) => {
      let [switches, crashes] = [0, 0]
      for (let seed = first; seed < first + worlds; seed += 1) {
        const published = (['no', 'name', 'wildcard'] as const)[seed % 3] ?? 'no'
        const options: WorldOptions = { seed, isByHand, published }
        const end = await runWorld(options, steps)
        switches += end.switches
        crashes += end.crashes
        t.same(end.violations.slice(0, 3), [], `seed ${seed}`)
        if (end.violations.length > 0) t.comment(end.story.slice(-60).join('\n'))
      }

      t.comment(`${switches} switches, ${crashes} crashes`)
      t.ok(switches > worlds * 3, `${switches} switches`)
      t.ok(crashes > worlds, `${crashes} crashes`)
    },
  )
}
