import { join } from 'node:path'
import t from 'tap'
import { formerProgram } from '../support/former-version.ts'
import { type LogLine, startProcess } from '../support/process.ts'
import { servedLeaf } from '../support/served-leaf.ts'
import { deploymentsOf, startSite } from '../support/site.ts'

const main = await formerProgram(t.testdir({}))
const site = await startSite()
t.teardown(() => site.close())
const [port] = site.daemon.ports

t.test('an agent of version 0.1 polls, deploys, proves and reports, and is renewed', async (t) => {
  if (port === undefined) throw new Error('the daemon has no port')
  const agent = startProcess([process.execPath, main, 'agent', '--config', join(site.dir, 'waxseal.yaml')])
  t.teardown(() => agent.kill('SIGKILL'))

  const id = await site.request()
  await agent.waitFor(isVerified)
  const [first] = await deploymentsOf(site, id)
  t.match(first, {
    status: 'Completed',
    attempt: 1,
    outcome: { outcome: 'deployed' },
    verification: { verified: true },
  })
  const before = await servedLeaf(port)

  await site.operator.renew(id)
  await agent.waitFor(isVerified)
  const deployments = await deploymentsOf(site, id)
  t.same(
    deployments.map(({ status }) => status),
    ['Completed', 'Completed'],
  )
  t.not(await servedLeaf(port), before)
  t.match(await site.operator.agents(), [{ status: 'active', last_heartbeat_at: /^20/ }])

  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
})

/** The last report of a deployment. */
function isVerified({ msg, report }: LogLine): boolean {
  return msg === 'reported' && report === 'verification'
}
