import t from 'tap'
import { cachedBy, observe, usableAt } from '../../../../src/server/dane/observe.ts'
import { recordOf, type TlsaLook } from '../../../../src/server/dane/tlsa.ts'
import { tlsaRow } from '../../../support/store-site.ts'

const at = Date.parse('2026-11-01T00:00:00Z')
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]
const use = { spki: 'key-2', pems: [] }
const before = { endName: 'old.example.net', ttlMs: hourMs, cachedUntil: at + hourMs }

t.test('a key that is wanted after the alias of its name has moved waits for that alias, too', async (t) => {
  const name = { ...before, endName: 'new.example.net', ...cachedBy({ look: lookAt(['key-1']), before, at }) }
  t.equal(name.cachedUntil, at + dayMs)

  const seenAt = at + 2 * minuteMs
  const look = lookAt(['key-1', 'key-2'])
  const row = observe(tlsaRow({ spki: 'key-2', lackingMs: hourMs }), use, {
    look,
    before: name,
    at: seenAt,
    isDoubtful: false,
  })
  t.match(row, { state: 'published', seenAt })
  t.equal(usableAt(row), at + dayMs)
})

t.test('an alias that moved is waited for, also where there was no record, and where no server answers', async (t) => {
  const unseen = { ...before, ttlMs: 0, cachedUntil: 0 }
  t.equal(cachedBy({ look: { ...lookAt([]), answers: [] }, before: unseen, at }).cachedUntil, at + dayMs)
})

t.test('what an alias ends at for the first time, or still does, may be kept for the TTL alone', async (t) => {
  for (const endName of [null, 'new.example.net'])
    t.equal(cachedBy({ look: lookAt(['key-1']), before: { ...before, endName }, at }).cachedUntil, at + hourMs)
})

/** A look at the end of the alias by now, which has these keys' records. */
function lookAt(keys: readonly string[]): TlsaLook {
  const records = keys.map(recordOf)
  return {
    endName: 'new.example.net',
    answers: [{ server: 'ns1', records, ttlMs: hourMs }],
    negativeMs: hourMs,
    believed: records,
    problem: null,
    isByHand: false,
    settleMs: 0,
  }
}
