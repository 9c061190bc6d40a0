import t from 'tap'
import { Pace } from '../../../src/courier/pace.ts'

const second = 1000
const own = { pollIntervalMs: 30 * second, heartbeatIntervalMs: 60 * second }

t.test('a host calls as it is configured as long as nobody asks it to be slower', async (t) => {
  const pace = new Pace(own)
  for (const pollIntervalMs of [null, 0, 1, 30 * second]) {
    pace.heard({ pollIntervalMs, splayMs: 300 * second })
    t.same([pace.workWait(0.5, 1), pace.heartbeatWait(0.5), pace.awayMs], [30_000, 60_000, 60_000])
  }
  const quick = new Pace({ pollIntervalMs: second, heartbeatIntervalMs: second })
  quick.heard({ pollIntervalMs: 30 * second, splayMs: 5 * second })
  t.same([quick.workWait(0.5, 1), quick.heartbeatWait(0.5), quick.awayMs], [1000, 1000, 2000])
})

t.test('a large fleet has its hosts call more seldom, and apart', async (t) => {
  const pace = new Pace(own)
  pace.heard({ pollIntervalMs: 90 * second, splayMs: 100 * second })
  t.same([pace.workWait(0.5, 0.5), pace.heartbeatWait(0.5), pace.awayMs], [140_000, 90_000, 90_000])

  pace.heard({ pollIntervalMs: 45 * second, splayMs: null })
  t.same([pace.workWait(0.5, 0.5), pace.heartbeatWait(0.5), pace.awayMs], [45_000, 60_000, 60_000])

  pace.heard({ pollIntervalMs: null, splayMs: null })
  t.same([pace.workWait(0.5, 0.5), pace.heartbeatWait(0.5), pace.awayMs], [30_000, 60_000, 60_000])
})

t.test(
  'no server slows a host down beyond three minutes, and none makes it quicker than it is configured',
  async (t) => {
    const pace = new Pace(own)
    pace.heard({ pollIntervalMs: 1e300, splayMs: 300 * second })
    t.same([pace.workWait(0.5, 0), pace.heartbeatWait(0.5), pace.awayMs], [180_000, 180_000, 180_000])

    const slow = new Pace({ pollIntervalMs: 3600 * second, heartbeatIntervalMs: 600 * second })
    slow.heard({ pollIntervalMs: 90 * second, splayMs: 0 })
    t.same([slow.workWait(0.5, 0), slow.heartbeatWait(0.5), slow.awayMs], [3_600_000, 600_000, 90_000])
  },
)
