import { join } from 'node:path'
import t from 'tap'
import { makeFolder } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../support/another-leaf.ts'
import { leavesOf } from '../support/deployment.ts'
import { deploymentsOf, startSite } from '../support/site.ts'

const site = await startSite()
t.teardown(() => site.close())

t.test(
  'jobs that the control plane has at the same time share one reload, and each has its result there',
  async (t) => {
    const agent = site.startAgent()
    const names = Array.from({ length: 8 }, (_, index) => `web-${index}`)
    const good = await Promise.all(names.map((name) => addWebTarget(name, {})))
    const redacted = await addWebTarget('redacted', { key_path: '********' })
    const unseen = await addWebTarget('unseen', {
      endpoints: [await serveAnotherLeaf(t)],
      post_deploy_verify_attempts: 1,
    })

    const certificate = await site.request([...good, redacted, unseen, site.targetId])
    for (let left = 11; left > 0; left -= 1)
      await agent.waitFor((line) => line['report'] === 'status' && line['final'] === true)

    const jobs = await deploymentsOf(site, certificate)
    const jobOf = (target: string) => jobs.find(({ target_id: id }) => id === target)
    for (const target of [...good, site.targetId])
      t.match(jobOf(target), { status: 'Completed', outcome: { outcome: 'deployed' } })
    t.match(jobOf(redacted), { status: 'Failed', error: /^TARGET_REDACTED/, outcome: { host: 'untouched' } })
    t.match(jobOf(unseen), { status: 'Failed', error: /^VERIFY_FAILED/, outcome: { host: 'restored' } })
    const reloads = good.map(
      (target) => (jobOf(target)?.outcome as Outcome | undefined)?.steps.findLast(isReload)?.start,
    )
    t.equal(new Set(reloads).size, 1, 'one reload for the eight')
    t.same(new Set(await leavesOf(site.daemon)), new Set([leafOf(jobOf(site.targetId)?.outcome)]))
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

function isReload({ name }: Outcome['steps'][number]): boolean {
  return name === 'activate'
}

async function addWebTarget(name: string, changes: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(site.dir, name)
  await makeFolder(folder)
  const config = {
    cert_path: join(folder, 'cert.pem'),
    key_path: join(folder, 'key.pem'),
    validate_command: 'true',
    reload_command: 'true',
    ...changes,
  }
  return site.operator.addTarget({ name, agent_id: site.agentId, type: 'NGINX', config, unchecked: true })
}

function leafOf(outcome: unknown): string | undefined {
  return (outcome as Outcome | undefined)?.certificate?.sha256
}
