import { join } from 'node:path'
import t from 'tap'
import type { OperatorJob } from '../../src/server/operator-client.ts'
import { formerProgram } from '../support/former-version.ts'
import { startProcess } from '../support/process.ts'
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
  const [first] = await ended(id, 1)
  t.match(first, {
    status: 'Completed',
    attempt: 1,
    outcome: { outcome: 'deployed' },
    verification: { verified: true },
  })
  const before = await servedLeaf(port)

  await site.operator.renew(id)
  const deployments = await ended(id, 2)
  t.same(new Set(deployments.map(({ status }) => status)), new Set(['Completed']))
  t.not(await servedLeaf(port), before)
  t.match(await site.operator.agents(), [{ status: 'active', last_heartbeat_at: /^20/ }])

  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
})

/** The deployments of a certificate, when there are so many, and all have ended and were verified. */
async function ended(certificateId: string, count: number) {
  for (;;) {
    const deployments = await deploymentsOf(site, certificateId)
    if (deployments.length === count && deployments.every(isOver)) return deployments
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function isOver({ status, verification }: OperatorJob): boolean {
  return status === 'Failed' || (status === 'Completed' && verification !== null)
}
