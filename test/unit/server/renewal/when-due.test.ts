import t from 'tap'
import { deploymentPace, dueAt, pauseAfter, renewalPace } from '../../../../src/server/renewal/when-due.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-11-01T00:00:00Z')
const ids = Array.from({ length: 2000 }, (_, count) => `cert-${count}`)

function sharesOf(days: number, renewShare: number | null = null): readonly number[] {
  const life = { notBefore: start, notAfter: start + days * dayMs }
  return ids
    .map((certificateId) => (dueAt({ ...life, certificateId }, renewShare) - start) / (days * dayMs))
    .toSorted((one, other) => one - other)
}

t.test('47 days are renewed before two thirds of them, and leave more than a third', async (t) => {
  const shares = sharesOf(47)

  t.ok((shares[0] ?? 0) > 0.6)
  t.ok((shares.at(-1) ?? 1) < 2 / 3 - 0.01)
})

t.test('a lifetime below ten days is renewed before its half', async (t) => {
  for (const days of [1, 6, 9.9]) t.ok((sharesOf(days).at(-1) ?? 1) < 0.5)
  t.ok((sharesOf(10)[0] ?? 0) > 0.5)
})

t.test('a certificate has its own share, and none that leaves less than a fifth', async (t) => {
  t.ok((sharesOf(90, 0.3).at(-1) ?? 1) < 0.3)
  t.ok((sharesOf(90, 0.3)[0] ?? 0) > 0.26)
  t.ok((sharesOf(90, 1).at(-1) ?? 1) < 0.8)
})

t.test('a fleet that was issued at once is renewed over days, evenly', async (t) => {
  const hours = new Map<number, number>()
  for (const share of sharesOf(47)) {
    const hour = Math.floor((share * 47 * dayMs) / 3_600_000)
    hours.set(hour, (hours.get(hour) ?? 0) + 1)
  }

  t.ok(hours.size > 55)
  t.ok(Math.max(...hours.values()) < 80)
})

t.test('the same certificate is due at the same time on every server', async (t) => {
  const version = { certificateId: 'cert-1', notBefore: start, notAfter: start + 47 * dayMs }

  t.equal(dueAt(version, null), dueAt({ ...version }, null))
})

t.test('a certificate that ends before it begins is due at its beginning', async (t) => {
  t.equal(dueAt({ certificateId: 'cert-1', notBefore: start, notAfter: start - 1 }, null), start)
})

t.test('pauses double, up to their bound', async (t) => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => pauseAfter(failures, 400 * dayMs, 'a', renewalPace))
  const minutes = pauses.map((ms) => ms / 60_000)

  for (const [at, most] of [5, 10, 20, 40, 80, 160, 320, 360].entries()) {
    t.ok((minutes[at] ?? 0) <= most)
    t.ok((minutes[at] ?? 0) >= most * 0.8)
  }
})

t.test('nearer the end it is tried more often, and after it four times an hour', async (t) => {
  const hours = [10 * dayMs, dayMs, dayMs / 24, 0, -dayMs].map(
    (msLeft) => pauseAfter(50, msLeft, 'a', deploymentPace) / 3_600_000,
  )

  t.match(
    hours.map((one) => one > 0.02),
    hours.map(() => true),
  )
  t.ok((hours[0] ?? 9) <= 4.8)
  t.ok((hours[1] ?? 9) <= 0.48)
  t.ok((hours[2] ?? 9) <= 1 / 30)
  t.ok((hours[3] ?? 9) <= 0.25)
  t.equal(hours[3], hours[4])
})

t.test('those that failed together are not tried again together', async (t) => {
  const pauses = new Set(ids.map((id) => pauseAfter(3, 30 * dayMs, id, renewalPace)))

  t.ok(pauses.size > 1900)
})
