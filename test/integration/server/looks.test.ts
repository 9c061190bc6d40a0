import t, { type Test } from 'tap'
import { lookCalls } from '../../../src/control-plane/look-calls.ts'
import type { LookReport } from '../../../src/control-plane/look-report.ts'
import type { Send } from '../../../src/control-plane/request.ts'
import { type Looking, lookOnce, mostLooks } from '../../../src/courier/look-watch.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { openTestControlPlane, type TestAgent, type TestControlPlane } from '../../support/control-plane.ts'

const report: LookReport = { v: 1, domain: 'example.org', at: '2026-11-01T00:00:00Z', problems: [], exchanges: [] }
const looking: Looking = { domains: ['example.org'], networks: [], resolvers: [], roots: [] }

t.test('an agent whose policy allows it is asked once, and what it saw is shown', async (t) => {
  const { plane, agent } = await openSite(t)

  const id = await plane.operator.askLook('example.org', 'mail-1')
  t.same((await agent.get('/looks')).body, { looks: [{ id, domain: 'example.org' }] })
  t.same((await agent.get('/looks')).body, { looks: [] }, 'it is handed out once')
  t.match(await plane.operator.look(id), { ended_at: null, report: null })
  t.equal((await agent.post(`/looks/${id}`, { report, refusal: null })).status, 200)

  t.match(await plane.operator.look(id), { agent: 'mail-1', ended_at: /^20/, report: { domain: 'example.org' } })
  t.equal((await agent.post(`/looks/${id}`, { report, refusal: null })).status, 404, 'the first report stays')
})

t.test('an agent that does not say look, or is another, has nothing to do with it', async (t) => {
  const { plane, agent } = await openSite(t)
  const plain = await plane.enroll('mail-2')
  const id = await plane.operator.askLook('example.org', agent.id)

  await t.rejects(plane.operator.askLook('example.org', 'mail-2'), { code: 'CONTROL_PLANE_REFUSED' })
  await agent.get('/looks')
  t.equal((await plain.post(`/looks/${id}`, { report, refusal: null })).status, 404)
  t.same((await plain.get('/looks')).body, { looks: [] })
})

t.test('five looks of one agent are open at most, two are handed out at once, and silence ends them', async (t) => {
  const { plane, agent } = await openSite(t)
  const ids: string[] = []
  for (let at = 0; at < 5; at++) ids.push(await plane.operator.askLook(`d${at}.example.org`, agent.id))

  await t.rejects(plane.operator.askLook('example.org', agent.id), { code: 'CONTROL_PLANE_REFUSED' })
  t.equal(((await agent.get('/looks')).body['looks'] as unknown[]).length, 2)
})

t.test('what is no domain is asked for by nobody, and what is no report is taken from nobody', async (t) => {
  const { plane, agent } = await openSite(t)

  for (const domain of [
    '127.0.0.1',
    '10.0.0.1:25',
    'localhost',
    'a..b',
    '-',
    'x'.repeat(300),
    '[::1]',
    'example.org/x',
  ])
    await t.rejects(plane.operator.askLook(domain, agent.id), { code: 'CONTROL_PLANE_REFUSED' }, domain)
  const id = await plane.operator.askLook('example.org', agent.id)
  await agent.get('/looks')
  const many = { ...report, problems: Array.from({ length: 51 }, () => 'x') }
  for (const body of [{ report: many, refusal: null }, { report: { ...report, more: 1 }, refusal: null }, {}])
    t.equal((await agent.post(`/looks/${id}`, body)).status, 400)
})

t.test('the host goes by its own policy: domains that it names, and thirty looks an hour, whoever asks', async (t) => {
  const asked: { readonly id: string; readonly domain: string }[] = []
  const told: { readonly refusal: string | null }[] = []
  const clock = { ...systemClock, now: () => 0 }
  const log = { info: () => {}, warn: () => {} } as never
  const controlPlane = {
    askedLooks: async () => asked.splice(0),
    reportLook: async (_: string, __: LookReport | null, refusal: string | null) => void told.push({ refusal }),
  }
  const done: number[] = []
  const turn = () => lookOnce({ controlPlane, looking, clock, log }, done)

  asked.push({ id: 'a', domain: 'example.net' }, { id: 'b', domain: 'notexample.org' })
  await turn()
  t.match(told, [{ refusal: /does not name/ }, { refusal: /does not name/ }])
  t.equal(done.length, 0)
  for (let at = 0; at < 40; at++) asked.push({ id: `c${at}`, domain: `d${at}.example.org` })
  await turn()
  t.equal(told.filter(({ refusal }) => refusal === null).length, mostLooks)
})

t.test('a hostile server that names addresses or ports in place of a domain is told nothing', async (t) => {
  let answer: unknown
  const send: Send = async () => answer
  const calls = lookCalls(send, '/agent', () => true)

  for (const domain of [
    '127.0.0.1',
    '10.0.0.1',
    'example.org:80',
    'localhost',
    'EXAMPLE.org',
    'a.b/../c',
    'example.org\r\nx',
  ]) {
    answer = { looks: [{ id: 'a', domain }] }
    await t.rejects(calls.askedLooks(), { code: 'CONTROL_PLANE_UNREACHABLE' }, domain)
  }
  answer = { looks: Array.from({ length: 11 }, () => ({ id: 'a', domain: 'example.org' })) }
  await t.rejects(calls.askedLooks(), { code: 'CONTROL_PLANE_UNREACHABLE' })
  t.same(await lookCalls(send, '/agent', () => false).askedLooks(), [], 'a server that does not say look is not asked')
})

async function openSite(t: Test): Promise<{ readonly plane: TestControlPlane; readonly agent: TestAgent }> {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll('mail-1')
  await agent.post('/heartbeat', { features: ['lease', 'look'] })
  return { plane, agent }
}
