import t from 'tap'
import type { DaneDns } from '../../../../../src/server/operation/dane/dane-dns.ts'
import { RolloverTurns } from '../../../../../src/server/operation/dane/rollover-turns.ts'
import { turnRolloverOn } from '../../../../../src/server/operation/dane/turn-rollover.ts'
import { agentRow, openStoreSite } from '../../../../support/store-site.ts'
import { until } from '../../../../support/until.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const ownerOf = (target: string): string => `_25._tcp.${target}.example.net`
const targets = Array.from({ length: 100 }, (_, at) => `host-${at}`)

t.test('a zone that is slow, and a look that fails, hold up no other target', async (t) => {
  const { store, pass } = await openStoreSite(t, { database: undefined, start, agent: agentRow(), targets })
  for (const target of targets) await turnRolloverOn({ store }, 'operator:ann', target, [ownerOf(target)])
  const slow = Promise.withResolvers<void>()
  let looked: string[] = []
  const look: DaneDns['look'] = async (owner) => {
    looked.push(owner)
    if (owner === ownerOf('host-1')) throw new Error('it failed')
    if (owner === ownerOf('host-0')) await slow.promise
    const none = { believed: null, problem: 'it is not signed', isByHand: true, settleMs: 0 }
    return { endName: owner, answers: [], negativeMs: 0, ...none }
  }
  const turns = new RolloverTurns({ store, daneDns: { look, publish: async () => {}, remove: async () => {} } })

  await turns.begin().catch(() => {})
  await until(async () => looked.length === targets.length)
  looked = []
  pass(30_000)
  await store.rollovers.hasten('host-99', start + 30_000)
  await turns.begin().catch(() => {})
  await until(async () => looked.length > 0)
  t.same(looked, [ownerOf('host-99')], 'one is still at it')

  slow.resolve()
  await turns.end()
})

t.test('what failed is told when the others have had their turn', async (t) => {
  const about = { database: undefined, start, agent: agentRow(), targets: ['bad', 'good'] }
  const { store } = await openStoreSite(t, about)
  for (const target of about.targets) await turnRolloverOn({ store }, 'operator:ann', target, [ownerOf(target)])
  const looked: string[] = []
  const look: DaneDns['look'] = async (owner) => {
    looked.push(owner)
    throw new Error(`${owner} failed`)
  }
  const turns = new RolloverTurns({ store, daneDns: { look, publish: async () => {}, remove: async () => {} } })

  const ends = [...(await Promise.allSettled([turns.begin()])), ...(await Promise.allSettled([turns.end()]))]
  t.match(
    ends.filter(({ status }) => status === 'rejected'),
    [{ reason: /failed/ }],
  )
  t.same(looked.toSorted(), [ownerOf('bad'), ownerOf('good')])
  await turns.begin()
  t.equal(looked.length, 2, 'not before its time')
})
