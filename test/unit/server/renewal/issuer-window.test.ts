import t from 'tap'
import { dueInWindow, hastenedFrom, urgentBy } from '../../../../src/server/renewal/issuer-window.ts'
import { dueAt, lastSafeAt } from '../../../../src/server/renewal/when-due.ts'

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

t.test('a window that ends before our own moment is urgent', async (t) => {
  t.equal(urgentBy(life(90), null, windowAt(10, 11)), start + 11 * dayMs)
  t.equal(urgentBy(life(90), null, windowAt(59, 61)), null)
})

t.test('an issuer that hastens each new version gets one a day, or in a quarter of its lifetime', async (t) => {
  t.equal(hastenedFrom(life(90), null), start)
  t.equal(hastenedFrom(life(90), { issuedAt: start }), start + dayMs)
  t.equal(hastenedFrom(life(2), { issuedAt: start }), start + dayMs / 2)
})
