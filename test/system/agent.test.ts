import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import t from 'tap'
import { leavesOf } from '../support/deployment.ts'
import type { Fault, Seen } from '../support/misbehaving-proxy.ts'
import type { LogLine, WaxsealProcess } from '../support/process.ts'
import { deploymentsOf, type Site, startSite } from '../support/site.ts'

const site = await startSite({ poll_wait: 'off' })
t.teardown(() => site.close())

t.test('a job ends Completed at the control plane, with its outcome, and every port serves the leaf', async (t) => {
  const agent = site.startAgent()
  const certificate = await site.request()

  await reported(agent)

  const [job] = await deploymentsOf(site, certificate)
  t.match(job, { status: 'Completed', outcome: { outcome: 'deployed', host: 'changed' } })
  t.same(await leavesOf(site.daemon), Array(site.daemon.ports.length).fill(leafOf(job?.outcome)))
  await drained(t, agent)
})

t.test('a job that fails ends Failed at the control plane, with its outcome, and the old leaf is served', async (t) => {
  const before = await leavesOf(site.daemon)
  const agent = site.startAgent()
  const config = { ...(await targetConfig(site)), reload_command: 'false' }
  const target = await site.operator.addTarget({ name: 'failing', agent_id: site.agentId, type: 'Postfix', config })
  const certificate = await site.request([target])

  await reported(agent)

  const [job] = await deploymentsOf(site, certificate)
  t.match(job, { status: 'Failed', error: /^ACTIVATE_FAILED/, outcome: { outcome: 'rolled-back', host: 'restored' } })
  t.same(await leavesOf(site.daemon), before)
  await drained(t, agent)
})

t.test('a type that no connector goes by ends Failed, not silent', async (t) => {
  const agent = site.startAgent()
  const target = await site.operator.addTarget({
    name: 'fax',
    agent_id: site.agentId,
    type: 'Fax',
    config: {},
    unchecked: true,
  })
  const certificate = await site.request([target])

  await reported(agent)

  t.match(await deploymentsOf(site, certificate), [{ status: 'Failed', error: /^CONNECTOR_UNKNOWN/ }])
  await drained(t, agent)
})

t.test('a result arrives when the control plane is down at report time and back later', async (t) => {
  const agent = site.startAgent()
  site.proxy.misbehave(({ path, body }) =>
    path.endsWith('/status') && body.includes('Completed') ? 'cut-request' : null,
  )
  const certificate = await site.request()
  await agent.waitFor(({ msg }) => msg === 'job ends')

  t.match(await deploymentsOf(site, certificate), [{ status: 'Running' }])
  site.proxy.misbehave(() => null)
  await reported(agent)

  t.match(await deploymentsOf(site, certificate), [{ status: 'Completed' }])
  await drained(t, agent)
})

t.test('an agent killed between claim and report finishes or fails the job after its restart', async (t) => {
  for (const step of ['preflight', 'stage', 'commit', 'activate', 'verify']) {
    const killed = site.startAgent()
    const certificate = await site.request()
    await killed.waitFor((line) => line['step'] === step)
    killed.killAll()
    t.equal(await killed.exited, 'SIGKILL')

    const agent = site.startAgent()
    await reported(agent)

    const [job] = await deploymentsOf(site, certificate)
    t.match(job, { status: 'Completed' }, `killed after ${step}`)
    t.same(
      await leavesOf(site.daemon),
      Array(site.daemon.ports.length).fill(leafOf(job?.outcome)),
      `killed after ${step}`,
    )
    t.same(
      (await readdir(dirname(site.daemon.certPath))).filter((name) => name.startsWith('.')),
      [],
    )
    await drained(t, agent)
  }
})

t.test(
  'where the process that started both halves is killed alone, they finish what is under way, and end',
  async (t) => {
    const agent = site.startAgent()
    const certificate = await site.request()
    await agent.waitFor((line) => line['step'] === 'stage')

    agent.kill('SIGKILL')

    t.equal(await agent.exited, 'SIGKILL', 'its output is closed once its halves have ended')
    t.match(agent.lines.map(({ msg }) => msg).join(), /deployment ends[^]*deployer ends/)
    const again = site.startAgent()
    await again.waitFor(({ msg }) => msg === 'agent starts')
    while ((await deploymentsOf(site, certificate))[0]?.status !== 'Completed')
      await again.waitFor(({ msg }) => msg === 'reported')
    await drained(t, again)
  },
)

t.test(
  'an answer that is lost after the claim was written leaves the next poll and the heartbeat at work',
  async (t) => {
    const agent = site.startAgent()
    let lost = 0
    site.proxy.misbehave(({ path }) => (path.endsWith('/work') && lost++ === 0 ? 'lose-answer' : null))
    const certificate = await site.request()

    await agent.waitFor(({ msg }) => msg === 'poll failed')
    await reported(agent)

    t.match(await deploymentsOf(site, certificate), [{ status: 'Completed' }])
    await drained(t, agent)
  },
)

const faults: readonly (readonly [string, Fault, RegExp])[] = [
  ['401', { status: 401, body: '{"error":"no"}' }, /REFUSED/],
  ['500', { status: 500, body: 'oops' }, /UNREACHABLE/],
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '1' } }, /UNREACHABLE/],
  ['truncated JSON', { status: 200, body: '{"jobs":[{"id":"job-1","ty' }, /UNREACHABLE/],
  ['an HTML page', { status: 200, body: '<html>Welcome to the proxy</html>' }, /UNREACHABLE/],
  ['a body of 10 MB', 'huge', /UNREACHABLE/],
  ['a connection cut before the answer', 'cut-request', /UNREACHABLE/],
  ['a connection cut in the middle of the answer', 'cut-body', /UNREACHABLE/],
]
for (const [what, fault, code] of faults) {
  t.test(`after ${what} in answer to a poll the agent polls on, and does the next job`, async (t) => {
    const agent = site.startAgent()
    await agent.waitFor(({ msg }) => msg === 'agent starts')
    let spoiled = 0
    site.proxy.misbehave(({ path }: Seen) => (path.endsWith('/work') && spoiled++ < 2 ? fault : null))

    const failure = await agent.waitFor(({ msg }) => msg === 'poll failed')
    await agent.waitFor(({ msg }) => msg === 'poll failed')
    const certificate = await site.request()
    await reported(agent)

    t.match(failure, { code })
    t.match(await deploymentsOf(site, certificate), [{ status: 'Completed' }])
    await drained(t, agent)
  })
}

t.test('Retry-After is honoured', async (t) => {
  const agent = site.startAgent()
  let spoiled = 0
  site.proxy.misbehave(({ path }) =>
    path.endsWith('/work') && spoiled++ === 0 ? { status: 429, headers: { 'retry-after': '2' } } : null,
  )

  const failure = await agent.waitFor(({ msg }) => msg === 'poll failed')

  t.ok(Number(failure['wait']) >= 2000)
  site.proxy.misbehave(() => null)
  await drained(t, agent)
})

t.test('an agent that is retired drains and ends with 0', async (t) => {
  const agent = site.startAgent()
  await agent.waitFor(({ msg }) => msg === 'agent starts')

  await site.operator.retire(site.agentId)

  t.equal(await agent.exited, 0)
  t.match(
    agent.lines.find(({ msg }) => msg === 'agent ends'),
    { retired: true },
  )
})

/** Resolves when the final result of a deployment has been acknowledged. */
async function reported(agent: WaxsealProcess): Promise<void> {
  await agent.waitFor(({ msg, report, final }: LogLine) => msg === 'reported' && report === 'status' && final === true)
}

async function drained(t: { equal(a: unknown, b: unknown): unknown }, agent: WaxsealProcess): Promise<void> {
  site.proxy.misbehave(() => null)
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
}

async function targetConfig({ operator, targetId }: Site): Promise<object> {
  const target = (await operator.targets()).find(({ id }) => id === targetId)
  return target?.['config'] as object
}

function leafOf(outcome: unknown): string {
  return (outcome as { readonly certificate: { readonly sha256: string } }).certificate.sha256
}
