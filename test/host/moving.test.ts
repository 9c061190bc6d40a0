import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { agentEnv, blocks } from '../support/moving-page.ts'
import { exchanges, startOriginServer } from '../support/origin-server.ts'
import { openMachine } from './support/machine.ts'
import { servedOn, serveOldPairs } from './support/mail-host.ts'
import { ownAddress } from './support/network.ts'
import { run } from './support/run.ts'
import { readPackage } from './support/site.ts'

t.test('a host with the other agent is moved by the commands of the page: its next renewal is served', async (t) => {
  const bridge = `wxm${process.pid}`
  await run(['ip', 'link', 'add', bridge, 'type', 'bridge'])
  await run(['ip', 'address', 'add', `${ownAddress}/24`, 'dev', bridge])
  await run(['ip', 'link', 'set', bridge, 'up'])
  const dir = await makeTemporaryFolder('waxseal-moving-')
  const origin = await startOriginServer(dir, ownAddress)
  const mail = await openMachine({ release: 'bookworm', hostname: 'mail', number: 2, bridge, hosts: '' })
  t.teardown(async () => {
    await Promise.all([mail.remove(), origin.close()])
    await run(['ip', 'link', 'delete', bridge])
    await removeTree(dir)
  })
  await serveOldPairs(mail)
  const { id, key } = origin.addAgent('mail')
  await mail.write('/etc/certctl/server-ca.crt', origin.caPem)
  await mail.write('/etc/certctl/agent.env', agentEnv(id, origin.url, key, '/etc/certctl/server-ca.crt'), 0o600)
  const unit =
    '[Service]\nEnvironmentFile=/etc/certctl/agent.env\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n'
  await mail.write('/etc/systemd/system/certctl-agent.service', unit)
  await mail.run('systemctl', 'enable', '--now', 'certctl-agent')
  await mail.write('/root/waxseal_0.2.0_amd64.deb', await readPackage())

  const move = blocks.find((block) => block.includes('certctl.conf <<')) ?? ''
  await mail.run('sh', '-ec', `cd /root; ${move}`)

  const checked = await mail.run('sh', '-c', blocks.find((block) => block.includes('waxseal check)')) ?? '')
  t.match(checked, /ok +control plane: a heartbeat was answered/)
  t.equal((await mail.run('sh', '-c', 'systemctl is-active certctl-agent || true')).trim(), 'inactive')
  const log = await mail.follow()
  const recorded = exchanges.find(({ name }) => name === 'a deployment')?.answer['jobs'] as readonly {
    readonly target_config: object
  }[]
  const config = { ...recorded[0]?.target_config, post_deploy_verify: { enabled: true, endpoint: '127.0.0.1:25' } }
  const target = origin.addTarget({ type: 'Postfix', config })
  const before = await servedOn(mail, 25, 'smtp')
  origin.request(id, { commonName: 'mail.example.net', sans: [] }, [target])
  await log.waitFor(/"final":true/)
  await log.close()
  t.match(origin.jobs.at(-1), { type: 'Deployment', said: [{ status: 'Running' }, { status: 'Completed' }] })
  t.not(await servedOn(mail, 25, 'smtp'), before)
  t.equal(await mail.run('stat', '-c', '%a %U %G', '/etc/postfix/certs/key.pem'), '600 root mail\n')

  await mail.run('sh', '-ec', blocks.at(-1) ?? '')
  t.equal((await mail.run('systemctl', 'is-active', 'certctl-agent')).trim(), 'active')
  t.match(await mail.run('sh', '-c', 'systemctl is-active waxseal || true'), 'inactive')
  t.notOk((await mail.run('ls', '/', '/root', '/etc/postfix/certs')).includes('********'))
})
