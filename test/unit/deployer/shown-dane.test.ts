import t from 'tap'
import { type DaneLook, shownDane } from '../../../src/deployer/look-at-dane.ts'

t.test('of many records sixteen are shown, the one for the live pair among them', async (t) => {
  const published = Array.from({ length: 20 }, (_, index) => ({ value: `3 1 1 ${index}`, matches: index === 19 }))
  const look = {
    owner: '_25._tcp.mx.example.net',
    state: 'matches',
    isSecure: true,
    publish: null,
    failed: null,
  } as const

  const shown = shownDane({ ...look, published, record: {} as DaneLook['record'] })

  t.match(shown, look)
  t.equal(shown.published.length, 16)
  t.same(shown.published[0], { value: '3 1 1 19', matches: true })
  t.notOk('record' in shown)
})
