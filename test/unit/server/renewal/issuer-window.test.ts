import t from 'tap'
import { dueInWindow, hastenedFrom, urgentBy } from '../../../../src/server/renewal/issuer-window.ts'
import { dueAt, lastSafeAt } from '../../../../src/server/renewal/when-due.ts'
import { randomOf } from '../../../support/chance.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')

function life(days: number, id = 'cert-1') {
  return { certificateId: id, number: 1, notBefore: start, notAfter: start + days * dayMs }
}

function windowAt(fromDay: number, toDay: number) {
  return { startsAt: start + fromDay * dayMs, endsAt: start + toDay * dayMs }
}

t.test(
  'a moment in the window is the same on every server, and spread over two thirds of the window by certificate',
  async (t) => {
    const window = windowAt(2, 3)
    const moments = Array.from({ length: 1000 }, (_, count) => dueInWindow(life(6, `cert-${count}`), null, window))

    t.equal(dueInWindow(life(6), null, window), dueInWindow({ ...life(6) }, null, { ...window }))
    t.ok(Math.min(...moments) >= window.startsAt)
    t.ok(Math.max(...moments) <= window.endsAt - 8 * hourMs, 'what fails has a third of the window')
    const hours = new Set(moments.map((at) => Math.floor((at - window.startsAt) / hourMs)))
    t.equal(hours.size, 16)
  },
)

t.test('another version of the same certificate has another moment', async (t) => {
  t.not(dueInWindow(life(6), null, windowAt(2, 3)), dueInWindow({ ...life(6), number: 2 }, null, windowAt(2, 3)))
})

t.test('a window that has passed is a moment that has passed', async (t) => {
  t.ok(dueInWindow(life(90), null, windowAt(-2, -1)) < start)
})

t.test('a window somewhat behind our own moment is followed, one behind the last safe moment is not', async (t) => {
  const version = life(6)

  t.ok(dueInWindow(version, null, windowAt(3.2, 3.4)) > dueAt(version, null))
  t.equal(dueInWindow(version, null, windowAt(5, 5.5)), dueAt(version, null))
  t.equal(dueInWindow(life(90), 0.3, windowAt(45, 46)), dueAt(life(90), 0.3), 'the share of an operator holds')
})

t.test('no moment is behind the last safe one, and behind that there is a third of the lifetime', async (t) => {
  for (const days of [1, 6, 9.9, 10, 47, 90])
    for (let count = 0; count < 200; count += 1) {
      const version = life(days, `cert-${count}`)
      const from = days * (count / 200)
      const at = dueInWindow(version, null, windowAt(from, days * 1.5))
      t.ok(at <= lastSafeAt(version, null), { days, count })
      t.ok(version.notAfter - at > (days * dayMs) / 3)
    }
})

t.test(
  'a window that was open before the life began, and leaves time for our own moment, changes nothing',
  async (t) => {
    const day = windowAt(-1, 2)
    for (const [version, share, window] of [
      [life(1 / 240), null, windowAt(-1, 1)],
      [life(1 / 240), null, windowAt(-1, 1 / 240)],
      [life(1 / 240), 0.8, windowAt(-1, 1 / 240)],
      [life(1), 0.7, day],
      [life(6), null, windowAt(0, 6)],
      [life(90), null, windowAt(-1, 100)],
    ] as const)
      t.equal(dueInWindow(version, share, window), dueAt(version, share), { version, share, window })
  },
)

t.test(
  'of a window that was open before the life began, the part within counts, and leaves a third of itself',
  async (t) => {
    const version = life(6)
    const end = 3
    t.ok(dueAt(version, null) > start + ((end * 2) / 3) * dayMs, 'our own moment is in its last third')

    const moments = Array.from({ length: 1000 }, (_, count) =>
      dueInWindow(life(6, `cert-${count}`), null, windowAt(-20, end)),
    )

    t.ok(Math.min(...moments) >= start)
    t.ok(Math.max(...moments) <= start + 2 * dayMs)
    t.equal(new Set(moments.map((at) => Math.floor((at - start) / (12 * hourMs)))).size, 4, 'spread over all of it')
  },
)

t.test(
  'a window that opened a moment after the life began is followed, though it is in the past already',
  async (t) => {
    const version = life(6)
    const window = { startsAt: start + 1, endsAt: start + hourMs }

    const at = dueInWindow(version, null, window)

    t.ok(at >= window.startsAt && at <= window.endsAt)
    t.equal(urgentBy(version, null, window), window.endsAt)
  },
)

t.test('wherever a window lies, its moment is in the part of it that counts, or is our own', async (t) => {
  const random = randomOf(23)
  const counts = { own: 0, within: 0, past: 0 }
  const faults: unknown[] = []
  for (let count = 0; count < 2000; count += 1) {
    const days = 10 ** (random() * 5 - 3)
    const version = life(days, `cert-${count}`)
    const share = random() < 0.5 ? null : 0.1 + random() * 0.7
    const startsAt = start + (random() * 4 - 2) * days * dayMs
    const endsAt = startsAt + 1000 + random() ** 3 * 4 * days * dayMs
    const at = dueInWindow(version, share, { startsAt, endsAt })
    const own = dueAt(version, share)
    const isPast = endsAt <= start
    counts[at === own ? 'own' : isPast ? 'past' : 'within'] += 1

    const isWithin = at >= Math.floor(startsAt) && at <= Math.ceil(endsAt)
    const isInPart = isWithin && (isPast ? at < start : at >= start && at <= lastSafeAt(version, share))
    const rules = {
      'it is in the part that counts, or our own': isInPart || (at === own && !isPast),
      'a window of the whole life hastens nothing': startsAt > start || endsAt < version.notAfter || at === own,
      'it is before the end of a window that hurries': endsAt > own || at < endsAt,
    }
    for (const [rule, isKept] of Object.entries(rules))
      if (!isKept) faults.push({ rule, days, share, startsAt, endsAt })
  }

  t.same(faults, [])
  t.ok(Math.min(counts.own, counts.within, counts.past) > 100, JSON.stringify(counts))
})

t.test('a window that ends before our own moment is urgent', async (t) => {
  t.equal(urgentBy(life(90), null, windowAt(10, 11)), start + 11 * dayMs)
  t.equal(urgentBy(life(90), null, windowAt(59, 61)), null)
})

t.test('an issuer that hastens each new version gets one a day, or in a quarter of its lifetime', async (t) => {
  t.equal(hastenedFrom(life(90), null), start)
  t.equal(hastenedFrom(life(90), { issuedAt: start }), start + dayMs)
  t.equal(hastenedFrom(life(2), { issuedAt: start }), start + dayMs / 2)
})
