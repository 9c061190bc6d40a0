import t from 'tap'
import { type NameTurn, nextRows } from '../../../../src/server/dane/next-rows.ts'
import { recordOf } from '../../../../src/server/dane/tlsa.ts'
import type { TlsaRow } from '../../../../src/server/store/rollover-rows.ts'
import { tlsaRow } from '../../../support/store-site.ts'

const at = Date.parse('2026-11-01T00:00:00Z')
const owner = '_25._tcp.mail.example.net'
const row = tlsaRow({ targetId: 't', state: 'published', seenAt: at - 1000, changedAt: at - 3_600_000 })

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
  const gone = nextRows(turnOf([{ ...row, state: 'removing', actedAt: at - 120_000 }], [], []))
  t.equal(gone.rows.length, 0)
  t.equal(gone.gone.length, 1)
})

t.test('a record that is not visible yet is removed all the same, and forgotten two minutes later', async (t) => {
  const first = nextRows(turnOf([{ ...row, state: 'removing', changedAt: at - 1000 }], [], []))
  t.match(first, { rows: [{ actedAt: at, changedAt: at }], gone: [] })
  t.equal(first.remove.length, 1)
  const soon = nextRows(turnOf([{ ...row, state: 'removing', actedAt: at - 119_999 }], [], []))
  t.match(soon, { rows: [{ state: 'removing' }] })
})

t.test('what was removed, and is on no server that answers, is not removed again', async (t) => {
  const removing = { ...row, state: 'removing', actedAt: at - 120_000 } as const
  const silent = (there: readonly string[]) => {
    const turn = turnOf([removing], [], there)
    return { ...turn, look: { ...turn.look, problem: 'ns2 gives no answer' } }
  }

  t.equal(nextRows(silent([])).remove.length, 0)
  t.equal(nextRows(silent([])).rows.length, 1)
  t.equal(nextRows(silent(['key-1'])).remove.length, 1)
})

t.test('a record that another target needs is left to that one, when no removal may be under way', async (t) => {
  const removing = { ...row, state: 'removing' } as const
  const turn = (actedAt: number | null) => {
    const one = turnOf([{ ...removing, actedAt }], [])
    return { ...one, neededElsewhere: new Set(['key-1']) }
  }

  t.equal(nextRows(turn(at - 119_999)).gone.length, 0)
  for (const actedAt of [at - 120_000, null]) {
    const next = nextRows(turn(actedAt))
    t.equal(next.gone.length, 1)
    t.same([next.remove.length, next.rows.length], [0, 0])
  }
})

t.test('a record that a name may need that nobody could follow yet is left alone, and not forgotten', async (t) => {
  const turn = turnOf([{ ...row, state: 'leaving', changedAt: at - 60_000 }], [])

  t.match(nextRows({ ...turn, maybeElsewhere: new Set(['key-1']) }), {
    rows: [{ state: 'leaving' }],
    remove: [],
    gone: [],
  })
  t.match(nextRows(turn).rows, [{ state: 'removing' }])
})

t.test('a record that was leaving, and is being removed for another target, is seen anew', async (t) => {
  const turn = turnOf([{ ...row, state: 'leaving' }], ['key-1'])

  t.match(nextRows(turn).rows, [{ state: 'published', seenAt: row.seenAt }])
  t.match(nextRows({ ...turn, removedElsewhere: new Set(['key-1']) }).rows, [{ state: 'wanted', seenAt: null }])
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

t.test('what is there is published with a new record: a wildcard has it, maybe, and would be hidden', async (t) => {
  const turn = turnOf([row], ['key-1', 'key-2'], ['key-1', 'of others'])

  const next = nextRows(turn)
  t.match(next.publish, [{ spki: 'key-2' }])
  t.same(next.beside, ['key-1', 'of others'].map(recordOf))
  t.same(nextRows(turnOf([row], ['key-1'])).beside, [], 'nothing is published')
})

t.test('the first records of a name are those of all keys that are served there, or none', async (t) => {
  const turn = { ...turnOf([], ['key-1'], []), servedBeside: ['key-2'] }

  t.match(nextRows(turn), { publish: [{ spki: 'key-1' }], beside: [recordOf('key-2')] })
  t.same(nextRows({ ...turn, unknownBeside: ['other'] }).publish, [])
  t.same(nextRows({ ...turn, isServedKnown: false }).publish, [])
})

t.test('nothing is brought back with a new record that is being removed, or that one server has left', async (t) => {
  const others = ['removing', 'removing elsewhere', 'left', 'needed elsewhere', 'leaving']
  const turn = turnOf(
    [
      row,
      { ...row, spki: 'removing', state: 'removing' },
      { ...row, spki: 'leaving', state: 'leaving', changedAt: at },
    ],
    ['key-1', 'key-2'],
    ['key-1', ...others],
  )
  const { answers } = turn.look
  const primary = { server: 'ns0', records: [recordOf('removing elsewhere')], ttlMs: 1000 }
  const next = nextRows({
    ...turn,
    look: { ...turn.look, answers: [primary, ...answers] },
    removedElsewhere: new Set(['removing elsewhere']),
    neededElsewhere: new Set(['needed elsewhere']),
  })

  t.same(next.beside, ['key-1', 'needed elsewhere', 'leaving'].map(recordOf))
})

t.test('a record that senders cannot use is not published again', async (t) => {
  const turn = turnOf([row], ['key-1', 'key-2'])
  const odd = [{ usage: 255 }, { selector: 2 }, { matchingType: 3 }, { data: '' }].map((one) => ({
    ...recordOf('odd'),
    ...one,
  }))
  const look = { ...turn.look, answers: [{ server: 'ns1', records: [recordOf('key-1'), ...odd], ttlMs: 1000 }] }

  t.same(nextRows({ ...turn, look }).beside, [recordOf('key-1')])
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
      answers: [{ server: 'ns1', records, ttlMs: 1000 }],
      negativeMs: 1000,
      believed: records,
      problem: null,
      isByHand: false,
      settleMs: 0,
    },
    at,
    needed: needed.map((spki) => ({ spki, pems: [], why: 'served', current: null })),
    isServedKnown: true,
    rows,
    mayRemove: true,
    removedElsewhere: new Set(),
    neededElsewhere: new Set(),
    maybeElsewhere: new Set(),
    servedBeside: [],
    unknownBeside: [],
  }
}
