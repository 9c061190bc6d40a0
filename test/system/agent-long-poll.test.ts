import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import type { WaxsealProcess } from '../support/process.ts'
import { deploymentsOf, type Site, startSite } from '../support/site.ts'

/** A call waits for 30 s, and its agent would ask again in an hour. */
const soonMs = 10_000

const site = await startSite({ poll_interval: '1h', heartbeat_interval: '500ms' })
t.teardown(() => site.close())
const client = new Agent({ connect: { ca: await readFile(join(site.dataDir, 'ca.pem'), 'utf8') } })
t.teardown(() => client.destroy())

t.test('a job begins at once at a server that knows calls that wait, and heartbeats and reports go on', async (t) => {
  const agent = site.startAgent()
  await untilWaiting(site)
  const heartbeats = seen('/heartbeat')
  while (seen('/heartbeat') < heartbeats + 2) await soon()
  const certificate = await site.request()
  await untilDone(agent, certificate)
  await untilWaiting(site)

  const since = performance.now()
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
  t.ok(performance.now() - since < soonMs, 'a wait does not hold up the end')
  t.notOk(agent.lines.some(({ msg }) => msg === 'poll failed'))
})

function seen(end: string): number {
  return site.proxy.seen.filter(({ path }) => path.endsWith(end)).length
}

async function untilDone(agent: WaxsealProcess, certificate: string): Promise<void> {
  while ((await deploymentsOf(site, certificate))[0]?.status !== 'Completed')
    await agent.waitFor(({ msg }) => msg === 'reported')
}

/** As the server itself tells it. */
async function untilWaiting({ dataDir }: Site): Promise<void> {
  const [url, token] = await Promise.all(
    ['url', 'operator-token'].map(async (name) => (await readFile(join(dataDir, name), 'utf8')).trim()),
  )
  const headers = { authorization: `Bearer ${token}` }
  for (;;) {
    const { body } = await request(`${url}/metrics`, { dispatcher: client, headers })
    if (/^waxseal_server_polls_waiting 1$/m.test(await body.text())) return
    await soon()
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25))
}
