import t from 'tap'
import { whyNoWindow, windowAt } from '../../../../src/server/rollout/window.ts'

const hourMs = 3_600_000
const nightly = { cron: '0 2 * * *', forMs: 3 * hourMs, timeZone: 'Europe/Berlin' }

/** What is open at this time, or opens next, as times. */
function at(time: string, window: Parameters<typeof windowAt>[0] = nightly): readonly (string | undefined)[] {
  const span = windowAt(window, Date.parse(time))
  return [span?.from, span?.until].map((one) =>
    one === undefined ? undefined : new Date(one).toISOString().slice(0, 16),
  )
}

t.test('a window is open from its start until its end, to the millisecond', async (t) => {
  const first = ['2026-11-01T01:00', '2026-11-01T04:00']

  t.same(at('2026-11-01T00:59:59.999Z'), first)
  t.same(at('2026-11-01T01:00:00Z'), first)
  t.same(at('2026-11-01T03:59:59.999Z'), first)
  t.same(at('2026-11-01T04:00:00Z'), ['2026-11-02T01:00', '2026-11-02T04:00'])
})

t.test('a window that begins before midnight is open after it', async (t) => {
  const late = { ...nightly, cron: '30 23 * * sat', timeZone: 'UTC' }

  t.same(at('2026-11-01T01:00:00Z', late), ['2026-10-31T23:30', '2026-11-01T02:30'])
  t.same(at('2026-11-01T02:30:00Z', late), ['2026-11-07T23:30', '2026-11-08T02:30'])
})

t.test('a start that clocks skip is the moment of the change', async (t) => {
  t.same(at('2026-03-29T00:00:00Z'), ['2026-03-29T01:00', '2026-03-29T04:00'])
  t.same(at('2026-03-29T00:00:00Z', { ...nightly, cron: '30 2 * * *' }), ['2026-03-29T01:30', '2026-03-29T04:30'])
})

t.test('a start that clocks show twice is the first of them', async (t) => {
  t.same(at('2026-10-24T23:00:00Z'), ['2026-10-25T00:00', '2026-10-25T03:00'])
  t.same(at('2026-10-25T03:00:00Z'), ['2026-10-26T01:00', '2026-10-26T04:00'])
})

t.test('windows that overlap are one, and one that never closes is open', async (t) => {
  const hourly = { ...nightly, cron: '0 1-3 * * *', forMs: 1.5 * hourMs, timeZone: 'UTC' }

  t.same(at('2026-11-01T02:15:00Z', hourly), ['2026-11-01T01:00', '2026-11-01T04:30'])
  const always = windowAt({ ...nightly, cron: '* * * * *', forMs: 5 * 60_000 }, Date.parse('2026-11-01T12:00:30Z'))
  t.ok((always?.from ?? Number.NaN) <= Date.parse('2026-11-01T12:00:00Z'))
  t.ok((always?.until ?? 0) > Date.parse('2026-11-01T12:05:00Z'))
})

t.test('days are those of the time zone, and of the calendar', async (t) => {
  t.same(at('2026-11-01T12:00:00Z', { ...nightly, cron: '0 1 * * mon', timeZone: 'Pacific/Auckland' }), [
    '2026-11-01T12:00',
    '2026-11-01T15:00',
  ])
  t.same(at('2026-11-01T12:00:00Z', { ...nightly, cron: '0 1 1 1 *', timeZone: 'Asia/Kathmandu' }), [
    '2026-12-31T19:15',
    '2026-12-31T22:15',
  ])
})

t.test('what is no window is said, with what was meant', async (t) => {
  const why = (change: Partial<typeof nightly>) => whyNoWindow({ ...nightly, ...change }, 0)

  t.equal(why({}), null)
  t.match(why({ timeZone: 'Europe/Berln' }), /is Europe\/Berlin meant\?/)
  t.match(why({ timeZone: '' }), /write it as Europe\/Berlin/)
  for (const cron of ['', 'nightly', '0 25 * * *', '0 0 2 * * *', '0 2 * *'])
    t.match(why({ cron }), /cron expression/, cron)
  t.match(why({ cron: '0 2 29 2 *' }), /does not open within a year/)
})
