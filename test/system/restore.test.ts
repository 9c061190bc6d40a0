import { join } from 'node:path'
import t from 'tap'
import type { LogLine } from '../support/process.ts'
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
    const agent = site.startAgent()
    const id = await site.request()
    await agent.waitFor(isVerified)
    t.match(await seen(), { version: 1, deployed: 1 })
    const first = await servedLeaf(port)
    const backup = await runWaxseal(['control-plane', 'backup', file, '--data-dir', dataDir])
    t.equal(backup.status, 0)
    await operator.renew(id)
    await agent.waitFor(isVerified)
    t.match(await seen(), { version: 2, deployed: 2 })
    const second = await servedLeaf(port)
    t.not(second, first)

    await site.restore(file)
    await agent.waitFor(isEnded)
    const error = new RegExp(`^its host has a newer certificate than this database: SHA-256 ${second}`)
    t.match(await seen(), { version: 1, error })
    const job = await operator.deploy(id, targetId)
    await agent.waitFor((line) => isEnded(line) && line['job'] === job)
    t.match(await operator.job(job), { status: 'Failed' })
    t.equal(await servedLeaf(port), second, 'what the host had is what it serves')

    await operator.renew(id)
    await agent.waitFor(isVerified)
    t.match(await seen(), { version: 2, deployed: 2, error: null })
    const third = await servedLeaf(port)
    t.notOk([first, second].includes(third))
  },
)

/** What `certificates` says of the one that there is. */
async function seen() {
  const [row] = await operator.certificates()
  const [target] = (row?.['targets'] ?? []) as readonly { readonly deployed_version: number | null }[]
  return { version: row?.['version'], deployed: target?.deployed_version, error: row?.['last_error'] ?? null }
}

/** The last report of a deployment that came to its end. */
function isVerified({ msg, report }: LogLine): boolean {
  return msg === 'reported' && report === 'verification'
}

function isEnded({ msg, report, final }: LogLine): boolean {
  return msg === 'reported' && report === 'status' && final === true
}
