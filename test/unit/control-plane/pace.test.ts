import t from 'tap'
import { awayMs, failureWait, pollWait } from '../../../src/control-plane/pace.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'

const unreachable = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 500 })
const ours = new WaxsealError('DEPLOYER_UNREACHABLE')
const almostOne = 1 - Number.EPSILON / 2

/** As the configuration has it by default. */
const away = awayMs(30_000)

function ceilings(error: WaxsealError, failures: readonly number[]): readonly number[] {
  return failures.map((count) => failureWait(error, count, 1, away))
}

t.test('a poll waits for the interval, give or take a fifth', async (t) => {
  const waits = [0, 0.25, 0.5, 0.75, almostOne].map((random) => Math.round(pollWait(30_000, random)))

  t.same(waits, [24_000, 27_000, 30_000, 33_000, 36_000])
})

t.test(
  'a control plane that is away is asked in any part of a minute first, then each minute, give or take a fifth',
  async (t) => {
    const waits = (failures: number) =>
      [0, 0.25, 0.5, 0.75, almostOne].map((random) => Math.round(failureWait(unreachable, failures, random, away)))

    t.same(waits(1), [0, 15_000, 30_000, 45_000, 60_000])
    for (const failures of [2, 3, 10, 1100, 1e9])
      t.same(waits(failures), [48_000, 54_000, 60_000, 66_000, 72_000], `${failures} failures`)
  },
)

t.test(
  'who polls more often than twice a minute asks one that is away more often, too, and nobody more seldom',
  async (t) => {
    t.equal(awayMs(200), 400)
    t.equal(awayMs(3_600_000), 60_000)
    t.equal(failureWait(unreachable, 2, 0.5, 400), 400)
  },
)

t.test('after a failure of this host the longest wait doubles from 1 s to 5 min', async (t) => {
  const waits = ceilings(ours, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1100, 1e9])

  t.same(waits.slice(0, 9), [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000])
  t.same(waits.slice(9), [300_000, 300_000, 300_000, 300_000])
})

t.test('its jitter is full: any part of the longest wait, from nothing on', async (t) => {
  const waits = [0, 0.25, 0.5, 0.75].map((random) => failureWait(ours, 4, random, away))

  t.same(waits, [0, 2000, 4000, 6000])
})

for (const status of [401, 403])
  t.test(`a credential refused with ${status} slows the agent down to an hour`, async (t) => {
    const refused = new WaxsealError('CONTROL_PLANE_REFUSED', { status })

    const waits = ceilings(refused, [1, 9, 10, 11, 12, 13, 40])

    t.same(waits, [1000, 256_000, 512_000, 1_024_000, 2_048_000, 3_600_000, 3_600_000])
  })

t.test('another refusal waits for 5 min at most', async (t) => {
  t.same(ceilings(new WaxsealError('CONTROL_PLANE_REFUSED', { status: 404 }), [10, 40]), [300_000, 300_000])
  t.same(ceilings(new WaxsealError('INTERNAL', { status: 401 }), [10, 40]), [300_000, 300_000])
})

t.test('no try comes before the time that the server asks for, and not all come at it', async (t) => {
  const asked = new WaxsealError('CONTROL_PLANE_REFUSED', { status: 429, retryAfterMs: 7000 })

  t.same(
    [0, 0.5, almostOne].map((random) => Math.round(failureWait(asked, 1, random, away))),
    [7000, 7700, 8400],
  )
})

t.test('the server may ask for more than usual, and the own wait stands where it asks for less', async (t) => {
  const long = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 503, retryAfterMs: 7_200_000 })
  const short = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 429, retryAfterMs: 1000 })

  t.equal(Math.round(failureWait(long, 1, 0.5, away)), 7_920_000)
  t.equal(failureWait(short, 5, 0.5, away), 60_000)
})
