import t from 'tap'
import { paceFor } from '../../../src/server/operation/agent/fleet-pace.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { agentRow } from '../../support/store-site.ts'
import { until } from '../../support/until.ts'

const agents = 12_100

t.test('agents of a large fleet are told to call more seldom, and those that do not know it nothing', async (t) => {
  const first = await openTestControlPlane(t)
  const { dataDir } = first
  await first.close()
  const store = await openStore({ dataDir })
  await store.transaction(async (inside) => {
    for (let at = 0; at < agents; at += 1) await inside.agents.add(agentRow({ id: `agent-${at}`, name: `mail-${at}` }))
  })
  await store.close()
  const plane = await openTestControlPlane(t, { dataDir })
  const agent = await plane.enroll('mail')
  const heard = async () => (await agent.post('/heartbeat', { features: ['wait'] })).body
  const { pollIntervalS, splayS } = paceFor(agents + 1)
  t.ok(pollIntervalS > 30)

  // How many there are is looked at beside the calls.
  await until(async () => (await heard())['poll_interval'] !== 30)

  const told = { poll_interval: pollIntervalS, splay: splayS }
  t.match(await heard(), told)
  t.match((await agent.get('/work?wait=1')).body, told)
  t.notOk('poll_interval' in (await agent.post('/heartbeat', {})).body)
})
