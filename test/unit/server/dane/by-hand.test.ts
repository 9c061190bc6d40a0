import t from 'tap'
import { byHand } from '../../../../src/server/dane/by-hand.ts'
import { bareBeside, bareProblem } from '../../../../src/server/dane/problems.ts'

const name = { name: '_25._tcp.mx.example.net', endName: null, isByHand: true, problem: null, seen: [] }
const wanted = { spki: 'ab', state: 'wanted', isByOther: false } as const

t.test('a record that is wanted is to be published, where the aliases of its name end', (t) => {
  t.same(byHand(name, [wanted], []).publish, ['_25._tcp.mx.example.net. IN TLSA 3 1 1 ab'])
  t.same(byHand({ ...name, endName: '_25._tcp.other.example' }, [wanted], []).publish, [
    '_25._tcp.other.example. IN TLSA 3 1 1 ab',
  ])
  t.end()
})

t.test(
  'what is there is to be published with a new record, for it may be that of a wildcard, without what is to go',
  (t) => {
    const seen = ['2 1 1 ca', '3 1 1 cd', '3 1 1 ef']
    const rows = [wanted, { ...wanted, spki: 'ef', state: 'removing' } as const]
    const line = (value: string): string => `_25._tcp.mx.example.net. IN TLSA ${value}`
    t.same(byHand({ ...name, seen }, rows, []), {
      publish: [line('3 1 1 ab'), line('2 1 1 ca'), line('3 1 1 cd')],
      remove: [line('3 1 1 ef')],
    })
    t.end()
  },
)

t.test('nobody is asked to publish what is there already, or what another record stands for', (t) => {
  t.same(byHand({ ...name, seen: ['3 1 1 ab'] }, [wanted], []).publish, [])
  t.same(byHand(name, [{ ...wanted, isByOther: true }], []).publish, [])
  t.same(byHand({ ...name, isByHand: false }, [wanted], []), { publish: [], remove: [] })
  t.end()
})

t.test('nobody is asked to publish the first record of a name while the key that is served is not known', (t) => {
  for (const problem of [bareProblem, bareBeside(['other'])])
    t.same(byHand({ ...name, problem }, [wanted], []).publish, [])
  t.end()
})

t.test('with a record of this target those that others need in the same place are to be published', (t) => {
  const there = { ...wanted, spki: 'cd', isThere: true }
  const line = (value: string): string => `_25._tcp.mx.example.net. IN TLSA ${value}`

  t.same(
    byHand(
      name,
      [wanted],
      [there, wanted].map((row) => ({ ...there, ...row })),
    ).publish,
    ['ab', 'cd'].map((spki) => line(`3 1 1 ${spki}`)),
  )
  t.same(byHand(name, [wanted], [{ ...there, isThere: false }]).publish, [line('3 1 1 ab')])
  t.same(byHand(name, [], [there]).publish, [], 'it is told with the other target')
  t.end()
})

t.test('what another removes is not to be published again, unless it is needed here', (t) => {
  const seen = ['3 1 1 cd', '3 1 1 ef']
  const removing = ['cd', 'ef'].map((spki) => ({ ...wanted, spki, state: 'removing', isThere: true }) as const)
  const rows = [wanted, { ...wanted, spki: 'cd', state: 'published' } as const]
  t.same(byHand({ ...name, seen }, rows, removing).publish, [
    '_25._tcp.mx.example.net. IN TLSA 3 1 1 ab',
    '_25._tcp.mx.example.net. IN TLSA 3 1 1 cd',
  ])
  t.end()
})

t.test('a record that nobody needs is to be removed', (t) => {
  t.same(
    byHand(
      name,
      [
        { ...wanted, state: 'removing' },
        { ...wanted, state: 'leaving' },
      ],
      [],
    ).remove,
    ['_25._tcp.mx.example.net. IN TLSA 3 1 1 ab'],
  )
  t.end()
})
