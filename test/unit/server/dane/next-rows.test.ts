import t from 'tap'
import { type NameTurn, nextRows } from '../../../../src/server/dane/next-rows.ts'
import { recordOf } from '../../../../src/server/dane/tlsa.ts'
import type { TlsaRow } from '../../../../src/server/store/rollover-rows.ts'

const at = Date.parse('2026-11-01T00:00:00Z')
const owner = '_25._tcp.mail.example.net'
const row: TlsaRow = {
  targetId: 't',
  name: owner,
  spki: 'key-1',
  state: 'published',
  isByOther: false,
  lackingMs: 0,
  seenAt: at - 1000,
  waitMs: 0,
  changedAt: at - 3_600_000,
  actedAt: null,
}

t.test('a record that is being removed is not trusted for two minutes, for a command may be late', async (t) => {
  const removing = { ...row, state: 'removing', actedAt: at - 119_999 } as const

  t.match(nextRows(turnOf([removing], ['key-1'])).rows, [{ state: 'removing' }])
  t.match(nextRows(turnOf([{ ...removing, actedAt: at - 120_000 }], ['key-1'])).rows, [{ seenAt: at }])
})

t.test('a record that nobody needs is left for a minute, then removed, and forgotten when it is gone', async (t) => {
  const leaving = nextRows(turnOf([row], []))
  t.match(leaving, { rows: [{ state: 'leaving', changedAt: at }] })
  t.same(leaving.remove, [])

  const soon = turnOf([{ ...row, state: 'leaving', changedAt: at - 59_999 }], [])
  t.match(nextRows(soon).rows, [{ state: 'leaving' }])
  const later = nextRows(turnOf([{ ...row, state: 'leaving', changedAt: at - 60_000 }], []))
  t.match(later.remove, [{ state: 'removing', actedAt: at }])
  const gone = nextRows(turnOf([{ ...row, state: 'removing', actedAt: at - 1000 }], [], []))
  t.equal(gone.rows.length, 0)
  t.equal(gone.gone.length, 1)
})

t.test('what the host has is not known: nothing goes', async (t) => {
  t.match(nextRows({ ...turnOf([row], []), mayRemove: false }).rows, [{ state: 'published' }])
})

t.test('a record that is new here, or is removed for another target, is believed at a later look', async (t) => {
  t.match(nextRows(turnOf([], ['key-1'])).rows, [{ state: 'wanted', seenAt: null }])
  const wanted = { ...row, state: 'wanted', seenAt: null } as const
  const elsewhere = { ...turnOf([wanted], ['key-1']), removedElsewhere: new Set(['key-1']) }
  t.match(nextRows(elsewhere).rows, [{ state: 'wanted', seenAt: null }])
  t.match(nextRows(turnOf([wanted], ['key-1'])).rows, [{ state: 'published', seenAt: at }])
})

/** A look at a zone that has these keys' records. */
function turnOf(rows: readonly TlsaRow[], needed: readonly string[], there: readonly string[] = ['key-1']): NameTurn {
  const records = there.map(recordOf)
  return {
    targetId: 't',
    name: {
      targetId: 't',
      name: owner,
      endName: owner,
      lookedAt: at - 1000,
      ttlMs: 1000,
      cachedUntil: at,
      seen: [],
      isByHand: false,
      problem: null,
    },
    look: {
      endName: owner,
      answers: [{ records, ttlMs: 1000 }],
      negativeMs: 1000,
      believed: records,
      problem: null,
      isByHand: false,
      settleMs: 0,
    },
    at,
    needed: needed.map((spki) => ({ spki, pems: [], why: 'served', current: null })),
    rows,
    mayRemove: true,
    removedElsewhere: new Set(),
  }
}
