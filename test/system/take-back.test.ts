import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { OperatorJob } from '../../src/server/client/operator-client.ts'
import { leavesOf } from '../support/deployment.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'
import { deploymentsOf, startSite } from '../support/site.ts'

const site = await startSite()
t.teardown(() => site.close())

t.test(
  'what an operator takes back is served again, and reported; what the policy of today refuses stays as it is',
  async (t) => {
    const agent = site.startAgent()
    const leaves: string[] = []
    const certificates: string[] = []
    for (let count = 0; count < 2; count += 1) {
      const certificate = await site.request()
      await reported(agent)
      certificates.push(certificate)
      leaves.push(leafOf((await deploymentsOf(site, certificate))[0]?.outcome))
    }
    const [first, second] = leaves
    const servedNow = async (): Promise<readonly string[]> => [...new Set(await leavesOf(site.daemon))].map(String)
    t.same(await servedNow(), [second])

    const back = await takenBack(agent)

    t.match(back, { type: 'TakeBack', status: 'Completed', certificate_id: certificates[0] })
    t.match(back.outcome, { outcome: 'deployed', host: 'changed', proven: true, certificate: { sha256: first } })
    t.same(await servedNow(), [first])
    const file = join(site.dir, 'waxseal.yaml')
    const config = JSON.parse(await readFile(file, 'utf8')) as { readonly policy: object }
    await writeFile(file, JSON.stringify({ ...config, policy: { ...config.policy, roots: [join(site.dir, 'other')] } }))

    const refused = await takenBack(agent, '--certificate', certificates[1] ?? '')

    t.match(refused, { status: 'Failed', error: /^PATH_NOT_ALLOWED/, certificate_id: certificates[1] })
    t.match(refused.outcome, { outcome: 'refused', host: 'untouched' })
    t.same(await servedNow(), [first])
    await writeFile(file, JSON.stringify(config))
    agent.kill('SIGTERM')
    t.equal(await agent.exited, 0)
  },
)

/** The job by which the operator's command has the target go back, once its result was told. */
async function takenBack(agent: WaxsealProcess, ...options: readonly string[]): Promise<OperatorJob> {
  const dataDir = join(site.dir, 'control-plane')
  const command = ['control-plane', 'take-back', 'postfix', ...options, '--data-dir', dataDir, '--json']
  const { job_id: id } = jsonOf<{ readonly job_id: string }>(await runWaxseal(command))
  await reported(agent)
  return site.operator.job(id)
}

/** Resolves when the final result of a job has been acknowledged. */
async function reported(agent: WaxsealProcess): Promise<void> {
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
}

function leafOf(outcome: unknown): string {
  return (outcome as { readonly certificate: { readonly sha256: string } }).certificate.sha256
}
