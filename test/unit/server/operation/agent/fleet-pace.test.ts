import t from 'tap'
import { longestToldMs } from '../../../../../src/control-plane/pace.ts'
import { FleetPace, paceFor, steadyPerSecond } from '../../../../../src/server/operation/agent/fleet-pace.ts'
import { silenceMs } from '../../../../../src/server/operation/job/reap.ts'

/** From one call that waits to the next, without the splay, in seconds: 35, and half of the spread of 5. */
const waitS = 37.5

t.test(
  'a fleet of up to some thousand hosts has the usual pace, and calls that wait up to twelve thousand',
  async (t) => {
    for (const agents of [0, 1, 200, 7500]) t.same(paceFor(agents), { pollIntervalS: 30, splayS: 5 })
    t.equal(paceFor(12_000).splayS, 5)
  },
)

t.test('of no size does a fleet make more calls than are served, whether they wait or not', async (t) => {
  const tooMany: number[] = []
  for (let agents = 100; agents <= 32_000; agents += 100) {
    const { pollIntervalS, splayS } = paceFor(agents)
    const plain = agents / (pollIntervalS + splayS / 2) + agents / Math.max(60, pollIntervalS)
    const waiting = agents / (waitS + splayS / 2) + agents / 300
    if (plain > steadyPerSecond || waiting > steadyPerSecond) tooMany.push(agents)
  }
  t.same(tooMany, [])
})

t.test('no host is told more than it takes, and none that does as it is told is silent', async (t) => {
  for (const agents of [32_000, 1e6, 1e9]) {
    const { pollIntervalS, splayS } = paceFor(agents)
    t.ok(pollIntervalS * 1000 <= longestToldMs && (2 * waitS - 35 + splayS) * 1000 < silenceMs)
  }
})

t.test('what is told follows the size of the fleet', async (t) => {
  const pace = new FleetPace()
  t.same(pace.told, paceFor(0))
  await pace.count({ agents: { countActive: async () => 30_000 } } as never)
  t.same(pace.told, { pollIntervalS: 167, splayS: 156 })
})
