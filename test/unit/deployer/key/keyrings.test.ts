import t from 'tap'
import { emptyKeyring, forgetKeyrings, type Keyring, keysOf, withAsked } from '../../../../src/deployer/key/keyrings.ts'
import { limits } from '../../../../src/limit/limits.ts'

const dayMs = 86_400_000
const now = Date.parse('2026-11-27T00:00:00Z')
const digestOf = (index: number): string => String(index).padStart(64, '0')
const asked = (index: number, days: number) => ({
  spkiSha256: digestOf(index),
  jobId: `job-${index}`,
  at: now - days * dayMs,
})

t.test('the two keys that were asked with last stay, and all of 14 days, ten at most', (t) => {
  let ring: Keyring = { ...emptyKeyring, next: digestOf(99) }
  for (const [index, days] of [60, 50, 13, 12, 1].entries()) ring = withAsked(ring, asked(index, days))
  t.same(
    ring.asked.map(({ jobId }) => jobId),
    ['job-4', 'job-3', 'job-2'],
  )
  ring = withAsked(withAsked(emptyKeyring, asked(0, 60)), asked(1, 0))
  t.equal(ring.asked.length, 2, 'the one before, however old it is')
  for (let index = 2; index < 20; index += 1) ring = withAsked(ring, asked(index, 0))
  t.equal(ring.asked.length, 10)
  t.end()
})

t.test('a key that was made ahead and is asked with is next no more', (t) => {
  const ring = withAsked({ ...emptyKeyring, next: digestOf(1), tlsa: [digestOf(7)] }, asked(1, 0))

  t.equal(ring.next, null)
  t.same(keysOf(ring), [digestOf(1), digestOf(7)])
  t.end()
})

t.test('certificates without end leave the newest, and those of which a target has a key', async (t) => {
  const { most } = limits.keyringsKept
  const rings = new Map<string, Keyring>()
  for (let index = 0; index < most + 3; index += 1)
    rings.set(`mc-${index}`, withAsked(emptyKeyring, asked(index, index / 1000)))
  rings.set('old', withAsked(emptyKeyring, asked(90_000, 401)))
  rings.set('old and live', withAsked(emptyKeyring, asked(90_001, 401)))
  const keyrings = {
    list: async () => [...rings].map(([id, document]) => ({ id, document })),
    remove: async (id: string) => void rings.delete(id),
  }

  await forgetKeyrings(keyrings, new Set([digestOf(most + 2), digestOf(90_001)]), now)

  const left = [...rings.keys()]
  t.equal(left.length, most + 2)
  t.ok(left.includes(`mc-${most - 1}`))
  t.notOk(left.includes(`mc-${most}`))
  t.ok(left.includes(`mc-${most + 2}`))
  t.same([left.includes('old'), left.includes('old and live')], [false, true])
})
