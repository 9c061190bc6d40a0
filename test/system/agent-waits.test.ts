import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { writeText } from '../../src/host/file/plain-files.ts'
import type { StatusDocument } from '../../src/status/status-document.ts'
import { makeAuthority } from '../support/certificates.ts'
import { targetOf } from '../support/deployment.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'
import { startSite } from '../support/site.ts'

const site = await startSite({ control_plane: undefined, drift_watch: '* * * * * *' })
t.teardown(() => site.close())
const at = (name: string): string => join(site.dir, name)
const waxseal = (...args: readonly string[]) => runWaxseal([...args, '--config', at('waxseal.yaml')])
const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
await writeText(at('cert.pem'), pair.certificatePem)
await writeText(at('key.pem'), pair.keyPem, 0o600)
await writeText(at('by-hand.json'), JSON.stringify(targetOf(site.daemon)))
const agent = site.startAgent()

t.test('an agent without a control plane runs, is ready, and says what it lacks', async (t) => {
  await agent.waitFor(({ msg }) => String(msg).startsWith('no control plane is configured: waxseal enroll'))
  while ((await asked('/readyz'))[0] !== 200) await asked('/healthz')

  t.same(await asked('/readyz'), [200, { ready: true, reasons: [] }])
  t.match(await waxseal('status'), {
    status: 0,
    stdout: /running, ready\nNo control plane is configured: waxseal enroll\n/,
    stderr: '',
  })
  t.match(await text('/'), /No control plane is configured: <code>waxseal enroll<\/code>/)
  t.match(await text('/metrics'), /^waxseal_ready 1$/m)
})

t.test('it watches what was deployed by hand', async (t) => {
  const files = ['--target', at('by-hand.json'), '--cert', at('cert.pem'), '--key', at('key.pem')]
  t.match(await waxseal('deploy', '--connector', 'postfix', ...files), { status: 0 })
  const key = await readFile(site.daemon.keyPath)

  await writeFile(site.daemon.keyPath, site.oldPair.keyPem)
  const drift = await agent.waitFor(({ msg }) => msg === 'drift')
  await writeFile(site.daemon.keyPath, key)
  await agent.waitFor(({ msg }) => msg === 'drift mended')

  t.match(drift, { target: 'by-hand', reasons: [`${site.daemon.keyPath} is not what was deployed.`] })
})

t.test('a control plane that cannot be used is said once, and it goes on waiting', async (t) => {
  await enrol('nowhere')
  const said = await agent.waitFor(({ msg }) => String(msg).includes('cannot be used'))

  t.match(said, { code: 'CONFIG_INVALID', help: 'waxseal explain CONFIG_INVALID' })
  t.match(await waxseal('status'), { stdout: /CONFIG_INVALID/ })
})

t.test('once the host is enrolled it goes on by itself: no restart, no signal', async (t) => {
  await enrol('credential')
  await agent.waitFor(({ msg }) => String(msg).startsWith('a control plane is configured now'))
  await site.request()
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)

  let { targets, ready } = jsonOf<StatusDocument>(await waxseal('status', '--json'))
  // The next look sees that the job has replaced what was deployed by hand.
  while (targets.every(({ state }) => state === 'healthy'))
    ({ targets, ready } = jsonOf<StatusDocument>(await waxseal('status', '--json')))
  t.match(await waxseal('status'), { stdout: /running, ready\nControl plane https:\/\/[^ ]+: last poll 20/ })
  t.ok(ready)
  t.match(
    targets.find(({ target }) => target === site.targetId),
    { state: 'healthy', problems: [], lastJob: { outcome: 'deployed' } },
  )
  // That it drifts is all that is not well, and the status 1.
  t.same(
    targets.filter(({ state }) => state !== 'healthy').map(({ target }) => target),
    ['by-hand'],
  )
  t.equal(agent.lines.filter(({ msg }) => String(msg).includes('cannot be used')).length, 1)
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
})

t.test('it takes a control plane at once by SIGHUP, and ends at once by SIGTERM while it waits', async (t) => {
  await configure({})
  const waiting = site.startAgent()
  await waiting.waitFor(({ msg }) => String(msg).startsWith('no control plane is configured'))
  waiting.kill('SIGTERM')
  t.equal(await waiting.exited, 0)

  const reloaded = site.startAgent()
  await reloaded.waitFor(({ msg }) => String(msg).startsWith('no control plane is configured'))
  await enrol('credential')
  reloaded.kill('SIGHUP')
  const { restart } = await reloaded.waitFor(({ msg }) => String(msg).startsWith('configuration read again'))
  await reloaded.waitFor(({ msg }) => String(msg).startsWith('a control plane is configured now'))
  reloaded.kill('SIGTERM')

  t.same(restart, [], 'nothing waits for the next start')
  t.equal(await reloaded.exited, 0)
})

/** What waxseal enroll does to a configuration. */
async function enrol(credential: string): Promise<void> {
  const { url } = site.proxy
  const ca = at('control-plane/ca.pem')
  await configure({
    control_plane: { url, ca_file: ca, agent_id: site.agentId, credential_file: at(credential) },
  })
}

async function configure(changes: object): Promise<void> {
  const { control_plane: _, ...rest } = JSON.parse(await readFile(at('waxseal.yaml'), 'utf8')) as Record<
    string,
    unknown
  >
  await writeText(at('waxseal.yaml'), JSON.stringify({ ...rest, ...changes }))
}

async function asked(path: string): Promise<readonly [number, unknown]> {
  const dispatcher = new Agent({ connect: { socketPath: at('status.sock') } })
  const { statusCode, body } = await request(`http://localhost${path}`, { dispatcher })
  const answer = [statusCode, await body.json().catch(() => null)] as const
  await dispatcher.destroy()
  return answer
}

async function text(path: string): Promise<string> {
  const dispatcher = new Agent({ connect: { socketPath: at('status.sock') } })
  const answer = await (await request(`http://localhost${path}`, { dispatcher })).body.text()
  await dispatcher.destroy()
  return answer
}
