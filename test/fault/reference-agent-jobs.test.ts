import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { WorkItem } from '../../src/control-plane/wire.ts'
import { filesOf, leavesOf } from '../support/deployment.ts'
import { rewriteJobs } from './support/calls.ts'
import { startFakedSite } from './support/faked-site.ts'
import { lineOf, startScriptSite } from './support/script-site.ts'
import { allFinal, deploymentsOf, expectOneFinalStateEach, warningsOf } from './support/verdict.ts'

t.setTimeout(600_000)
const hour = 3_600_000

t.test('SIGTERM during a deployment neither kills the reload nor refuses that of the rollback', async (t) => {
  const site = await startScriptSite()
  t.teardown(() => site.close())
  const reload = lineOf(site.daemon.reload)
  const script = await site.script('reload', ['log begins', 'sleep 1', reload, 'log ends', 'exit 1'])
  await site.allow(script)
  const before = await leavesOf(site.daemon)
  const agent = site.startAgent()
  await site.deploy({ reload_command: script })

  await agent.waitFor((line) => line['step'] === 'check')
  agent.kill('SIGTERM')

  t.equal(await agent.exited, 0)
  t.same(await site.logged(), ['begins', 'ends', 'begins', 'ends'])
  t.match(
    (await site.operator.jobs()).filter(({ type }) => type === 'Deployment'),
    [{ status: 'Failed', error: /^ACTIVATE_FAILED/ }],
  )
  t.same(await leavesOf(site.daemon), before)
  site.expectWarnings(t, agent, ['deployment ends'])
})

t.test('a hung reload is ended with its process group, and heartbeats go on meanwhile', async (t) => {
  const site = await startScriptSite()
  t.teardown(() => site.close())
  const mark = join(site.dir, 'hung')
  const script = await site.script('reload', [
    `[ -e ${mark} ] && exec ${lineOf(site.daemon.reload)}`,
    'sleep 600 &',
    `echo "$$ $!" > ${mark}`,
    'wait',
  ])
  await site.allow(script)
  await site.configure({ timeouts: { activate: '2s' } })
  const before = await leavesOf(site.daemon)
  const agent = site.startAgent()
  const heartbeats = (): number => site.proxy.seen.filter(({ path }) => path.endsWith('/heartbeat')).length
  const certificate = await site.deploy({ reload_command: script })

  await agent.waitFor((line) => line['step'] === 'check')
  const earlier = heartbeats()
  await agent.waitFor((line) => line['step'] === 'activate')
  const during = heartbeats() - earlier
  const job = await site.resultOf(certificate, agent)

  t.ok(during >= 2, `${during} heartbeats`)
  t.match(job, { status: 'Failed', error: /^ACTIVATE_FAILED/, outcome: { outcome: 'rolled-back', host: 'restored' } })
  t.same(await leavesOf(site.daemon), before)
  for (const pid of (await readFile(mark, 'utf8')).trim().split(' ')) t.equal(await stateOf(pid), 'gone')
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
  site.expectWarnings(t, agent, ['deployment ends'])
})

t.test('a CSR job does not overwrite the key that is served, nor does one that is refused', async (t) => {
  const site = await startFakedSite(t)
  const agent = await site.startAgent()
  await site.request()
  await allFinal(site, agent, 1)
  const before = await filesOf(site.daemon)
  const wanted = { agent_id: site.agentId, common_name: 'mail.example.net' }

  await site.operator.requestCertificate(wanted)
  await site.time.pass(hour)
  site.line.spoil((path) => (path.endsWith('/csr') ? { status: 400 } : null))
  await site.operator.requestCertificate(wanted)
  await site.time.pass(hour)

  const issued = (await site.operator.jobs()).filter(({ type }) => type === 'Issuance')
  t.same(issued.map(({ status }) => status).toSorted(), ['Completed', 'Completed', 'Failed'])
  t.same(await filesOf(site.daemon), before)
  t.same(await site.outcomes(), ['deployed'])
})

t.test('a result is sent until it is acknowledged', async (t) => {
  const site = await startFakedSite(t)
  let refused = 0
  site.line.spoil((path, body) => {
    if (!path.endsWith('/status') || !body.includes('"Completed"') || refused === 100) return null
    refused += 1
    return refused % 2 === 0 ? { status: 503 } : 'cut-answer'
  })
  await site.request()

  const agent = await site.startAgent()
  await allFinal(site, agent, 1)

  t.equal(refused, 100)
  await expectOneFinalStateEach(t, site, agent, { deployed: 1 })
})

for (const id of ['../../../../etc/shadow', '/etc/shadow', '..%2f..%2foperator', '../jobs/x?y#z', '..']) {
  t.test(`a path inside certificate_id is not followed: ${id}`, async (t) => {
    const site = await startFakedSite(t)
    const rename = (jobs: readonly WorkItem[]): readonly WorkItem[] =>
      jobs.map((job) => (job.type === 'Deployment' ? { ...job, certificate_id: id } : job))
    site.line.spoil((path) => (path.endsWith('/work') ? rewriteJobs(rename) : null))
    const before = await filesOf(site.daemon)
    await site.request()

    const agent = await site.startAgent()
    await allFinal(site, agent, 1)

    t.match(await deploymentsOf(site), [{ status: 'Failed', error: /^(CONTROL_PLANE_REFUSED|JOB_MALFORMED)/ }])
    const asked = site.line.passed.filter(({ path }) => path.includes('/certificates'))
    for (const { path } of asked) t.equal(path, `/api/v1/agents/${site.agentId}/certificates/${encodeURIComponent(id)}`)
    t.same(await filesOf(site.daemon), before)
    t.same(warningsOf(site), id === '..' ? ['job failed', 'malformed job'] : [])
  })
}

/** What the kernel says of a process; a zombie is as good as gone. */
async function stateOf(pid: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  const state = status?.split(') ')[1]?.[0]
  return state === undefined || state === 'Z' ? 'gone' : state
}
