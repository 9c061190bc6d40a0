import t from 'tap'
import { failureWait, pollWait } from '../../../src/control-plane/pace.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'

const unreachable = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 500 })
const almostOne = 1 - Number.EPSILON / 2

function ceilings(error: WaxsealError, failures: readonly number[]): readonly number[] {
  return failures.map((count) => failureWait(error, count, 1))
}

t.test('a poll waits for the interval, give or take a fifth', async (t) => {
  const waits = [0, 0.25, 0.5, 0.75, almostOne].map((random) => Math.round(pollWait(30_000, random)))

  t.same(waits, [24_000, 27_000, 30_000, 33_000, 36_000])
})

t.test('the longest wait after a failure doubles from 1 s to 5 min', async (t) => {
  const waits = ceilings(unreachable, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])

  t.same(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000])
})

t.test('a failure that lasts for months still waits for 5 min at most', async (t) => {
  t.same(ceilings(unreachable, [31, 32, 1100, 1e9]), [300_000, 300_000, 300_000, 300_000])
})

t.test('the jitter is full: any part of the longest wait, from nothing on', async (t) => {
  const waits = [0, 0.25, 0.5, 0.75].map((random) => failureWait(unreachable, 4, random))

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

t.test('no try comes before the time that the server asks for', async (t) => {
  const asked = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 429, retryAfterMs: 7000 })

  t.equal(failureWait(asked, 1, 0), 7000)
  t.equal(failureWait(asked, 1, 1), 7000)
  t.equal(failureWait(asked, 4, 0.5), 7000)
})

t.test('the server may ask for more than 5 min', async (t) => {
  const asked = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 503, retryAfterMs: 7_200_000 })

  t.equal(failureWait(asked, 1, 0.5), 7_200_000)
})

t.test('the backoff stands where the server asks for less', async (t) => {
  const asked = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 429, retryAfterMs: 1000 })

  t.equal(failureWait(asked, 5, 0.5), 8000)
})
