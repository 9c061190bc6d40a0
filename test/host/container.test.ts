import { chmod, chown, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { servedLeaf } from '../support/served-leaf.ts'
import { deploymentsOf, startSite } from '../support/site.ts'
import { startHaproxy } from '../support/web-daemons.ts'
import { openImage } from './support/image.ts'

const uid = 10_001

const image = await openImage()
t.teardown(() => image.remove())

t.test('the image says how it is run, and by whom', async (t) => {
  t.match(image.config, { User: `${uid}:${uid}`, Cmd: ['agent'], StopSignal: 'SIGTERM' })
  t.same(Object.keys(image.config.Volumes), ['/var/lib/waxseal'])
})

t.test('an agent in a container has a HAProxy outside of it serve a new certificate, and is healthy', async (t) => {
  const site = await startSite()
  t.teardown(() => site.close())
  const shared = await makeTemporaryFolder('waxseal-shared-')
  t.teardown(() => removeTree(shared))
  const old = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const haproxy = await startHaproxy('runtime_socket')(shared, old)
  t.teardown(() => haproxy.stop())
  await chmod(shared, 0o755)
  for (const name of ['', 'site.pem', 'runtime.sock']) await chown(join(shared, name), uid, uid)
  const settings = await makeTemporaryFolder('waxseal-settings-')
  t.teardown(() => removeTree(settings))
  await chown(settings, uid, uid)
  await writeText(join(settings, 'ca.pem'), await readFile(join(site.dir, 'control-plane/ca.pem'), 'utf8'), 0o644)
  await writeText(join(settings, 'token'), await site.operator.createToken(), 0o644)
  const options = ['--ca-file', '/etc/waxseal/ca.pem', '--token-file', '/etc/waxseal/token', '--name', 'container']
  const enroll = image.start([`${settings}:/etc/waxseal`], ['enroll', '--url', site.proxy.url, ...options])
  t.equal(await enroll.exited, 0, JSON.stringify(enroll.lines))
  const agentId = String((await site.operator.agents()).find(({ name }) => name === 'container')?.['id'])
  const { pem_path, runtime_socket } = haproxy.target
  const target = await site.operator.addTarget({
    name: 'haproxy',
    agent_id: agentId,
    type: 'HAProxy',
    config: { pem_path, runtime_socket, validate_command: 'true', endpoints: [`127.0.0.1:${haproxy.port}`] },
  })
  const instances = { edge: { connector: 'haproxy', socket: runtime_socket } }
  const config = { poll_interval: '200ms', policy: { roots: [shared], commands: ['true'] }, instances }
  await writeText(
    join(settings, 'waxseal.yaml'),
    (await readFile(join(settings, 'waxseal.yaml'), 'utf8')) + stringify(config),
  )
  await t.rejects(image.checkHealth(), 'nothing is there before the start')

  const agent = image.start([`${settings}:/etc/waxseal:ro`, `${shared}:${shared}`])
  await agent.waitFor(({ msg }) => msg === 'agent starts')
  const wanted = { agent_id: agentId, common_name: 'mail.example.net', deploy_to: [target] }
  const { certificate_id: certificate } = await site.operator.requestCertificate(wanted)
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)

  const [job] = await deploymentsOf(site, certificate)
  const sha256 = await servedLeaf({ port: haproxy.port, protocol: 'tls' })
  t.not(sha256, old.sha256)
  t.match(job, { status: 'Completed', outcome: { outcome: 'deployed', host: 'changed', certificate: { sha256 } } })
  await image.checkHealth()

  await image.stop()
  t.equal(await agent.exited, 0)
  const ends = agent.lines.map(({ msg }) => msg).filter((msg) => String(msg).endsWith(' ends'))
  t.ok(ends.includes('agent ends') && ends.includes('deployer ends'), 'both halves came to an orderly end')
})
