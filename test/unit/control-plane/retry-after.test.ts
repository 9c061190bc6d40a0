import t from 'tap'
import { retryAfterMs } from '../../../src/control-plane/retry-after.ts'

const now = Date.parse('2026-11-06T08:49:37Z')
const dayMs = 86_400_000

t.test('a number is seconds from now', async (t) => {
  t.equal(retryAfterMs('120', now), 120_000)
  t.equal(retryAfterMs(' 7 ', now), 7000)
  t.equal(retryAfterMs('0', now), 0)
})

t.test('each of the three date forms of RFC 9110 is a time of UTC', async (t) => {
  const forms = ['Fri, 06 Nov 2026 08:50:37 GMT', 'Friday, 06-Nov-26 08:50:37 GMT', 'Fri Nov  6 08:50:37 2026']

  const waits = forms.map((form) => retryAfterMs(form, now))

  t.same(waits, [60_000, 60_000, 60_000])
})

t.test('a date that is past asks for no wait', async (t) => {
  t.equal(retryAfterMs('Fri, 06 Nov 2026 08:48:37 GMT', now), 0)
})

t.test('no server makes the agent wait for more than a day', async (t) => {
  t.equal(retryAfterMs('86401', now), dayMs)
  t.equal(retryAfterMs('9'.repeat(400), now), dayMs)
  t.equal(retryAfterMs('Fri, 06 Nov 2099 08:49:37 GMT', now), dayMs)
})

t.test('what is neither a number nor a date asks for nothing', async (t) => {
  const unreadable = ['', 'soon', '-5', '3600.5', '1e3', 'in 2030 seconds', 'tomorrow 2030', '120, 120']
  const noSuchDate = 'Fri, 99 Nov 2026 08:49:37 GMT'

  const waits = [null, ...unreadable, noSuchDate].map((header) => retryAfterMs(header, now))

  t.same(new Set(waits), new Set([null]))
})
