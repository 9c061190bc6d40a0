import { join } from 'node:path'
import t from 'tap'
import { runWaxseal } from '../support/run-waxseal.ts'
import { servedLeaf } from '../support/served-leaf.ts'
import { startSite } from '../support/site.ts'

const site = await startSite()
t.teardown(() => site.close())
const { operator, dataDir, targetId, daemon } = site
const [port] = daemon.ports

t.test(
  'a server that was put back learns of the newer certificate from the host, and puts no older one over it',
  async (t) => {
    if (port === undefined) throw new Error('the daemon has no port')
    const file = join(site.dir, 'backup')
    site.startAgent()
    const id = await site.request()
    await until({ version: 1, deployed: 1 })
    const first = await servedLeaf(port)
    const backup = await runWaxseal(['control-plane', 'backup', file, '--data-dir', dataDir])
    t.equal(backup.status, 0)
    await operator.renew(id)
    await until({ version: 2, deployed: 2 })
    const second = await servedLeaf(port)
    t.not(second, first)

    await site.restore(file)
    await until({ version: 1, error: `its host has a newer certificate than this database: SHA-256 ${second}` })
    const job = await operator.deploy(id, targetId)
    await ended(job)
    t.match(await operator.job(job), { status: 'Failed' })
    t.equal(await servedLeaf(port), second, 'what the host had is what it serves')

    await operator.renew(id)
    await until({ version: 2, deployed: 2, error: '' })
    const third = await servedLeaf(port)
    t.notOk([first, second].includes(third))
  },
)

/** What `certificates` says of the one that there is. */
async function until(wanted: { version: number; deployed?: number; error?: string }): Promise<void> {
  for (;;) {
    const [row] = await operator.certificates()
    const [target] = (row?.['targets'] ?? []) as readonly { readonly deployed_version: number | null }[]
    const error = (row?.['last_error'] ?? '') as string
    const isError = wanted.error === '' ? error === '' : error.startsWith(wanted.error ?? '')
    const isDeployed = wanted.deployed === undefined || target?.deployed_version === wanted.deployed
    if (row?.['version'] === wanted.version && isDeployed && (wanted.error === undefined || isError)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function ended(job: string): Promise<void> {
  while (['Pending', 'Running'].includes((await operator.job(job)).status))
    await new Promise((resolve) => setTimeout(resolve, 100))
}
