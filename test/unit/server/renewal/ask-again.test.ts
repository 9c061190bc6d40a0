import t from 'tap'
import { askAfterFailures, askAgainAfter, firstAskAt } from '../../../../src/server/renewal/ask-again.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const ids = Array.from({ length: 500 }, (_, count) => `cert-${count} 1`)

t.test('an issuer is asked again when it says so, between a minute and a day, and never sooner', async (t) => {
  for (const [asked, from] of [
    [0, minuteMs],
    [-5, minuteMs],
    [hourMs, hourMs],
    [100 * dayMs, dayMs],
    [null, 6 * hourMs],
  ] as const) {
    const pauses = ids.map((id) => askAgainAfter(asked, id))
    t.ok(Math.min(...pauses) >= from)
    t.ok(Math.max(...pauses) <= from * 1.1)
    t.ok(new Set(pauses).size > 400, 'those that were asked about together are not again')
  }
})

t.test('asks that fail double their pauses, up to six hours', async (t) => {
  t.ok(askAfterFailures(1, 'a') <= minuteMs)
  t.ok(askAfterFailures(5, 'a') >= 12 * minuteMs)
  t.ok(askAfterFailures(50, 'a') >= 4 * hourMs)
  t.ok(askAfterFailures(50, 'a') <= 6 * hourMs)
})

t.test('the first ask is within an hour, and within a tenth of a short lifetime', async (t) => {
  const at = (lifeMs: number) =>
    ids.map((certificateId) =>
      firstAskAt({ certificateId, issuedAt: dayMs, notBefore: dayMs, notAfter: dayMs + lifeMs }),
    )

  t.ok(Math.max(...at(90 * dayMs)) <= dayMs + hourMs)
  t.ok(Math.max(...at(10 * minuteMs)) <= dayMs + minuteMs)
  t.ok(Math.min(...at(90 * dayMs)) >= dayMs)
})
