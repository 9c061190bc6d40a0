import t from 'tap'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { openEnrolledSite } from '../../support/enrolled-site.ts'
import { startProxy } from '../../support/misbehaving-proxy.ts'

const minuteMs = 60_000

t.test('a job that waits on the host stays its own, and is cancelled where it was not begun', async (t) => {
  let ahead = 0
  const site = await openEnrolledSite(t, { now: () => Date.now() + ahead })
  const operator = openOperator(site.plane)
  const client = openControlPlane(site.endpoint)
  t.teardown(async () => {
    await operator.close()
    await client.close()
  })
  let renewed = Promise.withResolvers<void>()
  const agent = await site.startAgent({
    // No credential is exchanged.
    clock: { random: () => 0 },
    calls: {
      certificate: async () => {
        throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'not now' })
      },
      renewLease: async (id) => {
        const leaseMs = await client.renewLease(id)
        renewed.resolve()
        return leaseMs
      },
    },
  })
  // What the agent knows is known to the server before it asks for work.
  await agent.heard()
  const config = { mode: 'postfix' }
  const target = await operator.addTarget({ name: 'postfix', agent_id: site.endpoint.agentId, type: 'Postfix', config })
  const wanted = { agent_id: site.endpoint.agentId, common_name: 'mail.example.net', deploy_to: [target] }
  await operator.requestCertificate(wanted)
  for (let turn = 0; turn < 3; turn += 1) {
    await renewed.promise
    renewed = Promise.withResolvers()
    ahead += 4 * minuteMs
  }
  await renewed.promise
  await agent.said('job put off')

  const deployment = (await operator.jobs()).find(({ type }) => type === 'Deployment')
  t.match(deployment, { status: 'Pending', attempt: 1 }, 'twelve minutes are more than two leases')
  await operator.cancel(deployment?.id ?? '')
  await agent.said('reported')

  t.match(
    (await operator.jobs()).find(({ type }) => type === 'Deployment'),
    { status: 'Cancelled' },
  )
  await agent.stop()
})

t.test('a job is not begun after its deadline, and fails', async (t) => {
  const site = await openEnrolledSite(t)
  const operator = openOperator(site.plane)
  const client = openControlPlane(site.endpoint)
  t.teardown(async () => {
    await operator.close()
    await client.close()
  })
  const agent = await site.startAgent({
    clock: { random: () => 0 },
    calls: {
      work: async () => {
        const { jobs, ...work } = await client.work()
        return { ...work, jobs: jobs.map((job) => (job.kind === 'deployment' ? { ...job, deadline: 1 } : job)) }
      },
    },
  })
  const { agentId: agent_id } = site.endpoint
  const target = await operator.addTarget({ name: 'postfix', agent_id, type: 'Postfix', config: { mode: 'postfix' } })
  await operator.requestCertificate({ agent_id, common_name: 'mail.example.net', deploy_to: [target] })

  await agent.said('reported')

  const deployment = (await operator.jobs()).find(({ type }) => type === 'Deployment')
  t.match(deployment, { status: 'Failed', error: /^JOB_EXPIRED: / })
  await agent.stop()
})

t.test('calls that are cut off on their way are no failure, and at last none waits', async (t) => {
  const site = await openEnrolledSite(t)
  const proxy = await startProxy({ target: site.endpoint.url }, site.dataDir)
  t.teardown(() => proxy.close())
  const waits = () => proxy.seen.filter(({ path }) => path.endsWith('/work?wait=30')).length
  proxy.misbehave(({ path }) => (path.includes('?wait=') ? { cutAfterMs: 1100 } : null))

  const agent = await site.startAgent({ url: proxy.url, pollWaitMs: 30_000, clock: { random: () => 0 } })
  await agent.said('calls that wait for work are cut off: shorter ones from now on')
  const { length } = proxy.seen
  while (proxy.seen.slice(length).filter(({ path }) => path.endsWith('/work')).length < 2) await agent.heard()

  t.equal(waits(), 2)
  t.notOk(agent.hasSaid('poll failed'))
  await agent.stop()
})

t.test('heartbeats come between calls that wait, on the one connection that there is', async (t) => {
  const site = await openEnrolledSite(t)
  const proxy = await startProxy({ target: site.endpoint.url }, site.dataDir)
  t.teardown(() => proxy.close())
  const random = () => 0.05
  const pace = { pollWaitMs: 1000, heartbeatIntervalMs: 3000, pollIntervalMs: 10_000 }
  const agent = await site.startAgent({ url: proxy.url, clock: { random }, ...pace })
  const waits = () => proxy.seen.filter(({ path }) => path.endsWith('?wait=1')).length

  while (waits() < 4) await agent.heard()
  t.equal(proxy.connections(), 1)
  await agent.stop()
})
